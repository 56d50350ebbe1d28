using System.Globalization;
using System.Net;
using System.Text;
using LockService.Testing;

namespace LockService.Benchmarks.Load;

/// <summary>Connections that each ask for a lock that is held, and wait.</summary>
internal sealed class Crowd : IDisposable
{
    private const int WaitMs = 600_000;

    private readonly List<HttpConnection> _waiting = [];

    internal Crowd(Uri server, IEnumerable<string> names)
    {
        string body = string.Create(CultureInfo.InvariantCulture, $$"""{"waitMs":{{WaitMs}}}""");
        foreach (string name in names)
        {
            var connection = new HttpConnection(new IPEndPoint(IPAddress.Loopback, server.Port));
            connection.Send(HttpRequest.Fixed($"/v1/locks/{name}/acquire", body));
            _waiting.Add(connection);
        }
    }

    /// <summary>How many were answered instead of waiting.</summary>
    internal int Refused { get; private set; }

    internal string? FirstRefusal { get; private set; }

    /// <summary>Waits until each is either in line or refused.</summary>
    /// <param name="inLine">Tells how many are in line.</param>
    /// <returns>How many are in line.</returns>
    internal async Task<int> SettleAsync(Func<Task<int>> inLine)
    {
        int count = 0;
        await Eventually.TrueAsync(
            "everybody is in line or refused",
            async () =>
            {
                _waiting.RemoveAll(IsRefused);
                count = await inLine();
                return count >= _waiting.Count;
            },
            TimeSpan.FromSeconds(60));
        return count;
    }

    public void Dispose() => _waiting.ForEach(connection => connection.Dispose());

    private bool IsRefused(HttpConnection connection)
    {
        if (!connection.TryReceive(out HttpAnswer answer))
        {
            return false;
        }

        Refused++;
        FirstRefusal ??= $"{answer.Status} {Encoding.UTF8.GetString(answer.Body)}";
        connection.Dispose();
        return true;
    }
}
