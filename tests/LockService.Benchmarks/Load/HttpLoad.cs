using System.Net;

namespace LockService.Benchmarks.Load;

/// <summary>
/// Many connections, each with a conversation, driven by one thread. Runs may follow each other on the same connections; each ends with
/// all conversations at rest.
/// </summary>
internal sealed class HttpLoad : IDisposable
{
    /// <summary>How long after the end of a run the last conversation may take to come to rest.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    private readonly Epoll _epoll = new();
    private readonly HttpConnection[] _connections;
    private readonly IReadOnlyList<Conversation> _conversations;
    private readonly IReadOnlyList<int> _serverProcesses;

    /// <param name="servers">Where the conversations are held, by turns.</param>
    /// <param name="serverProcesses">Whose CPU time is measured.</param>
    /// <param name="conversations">One for each connection.</param>
    internal HttpLoad(IReadOnlyList<Uri> servers, IReadOnlyList<int> serverProcesses, IReadOnlyList<Conversation> conversations)
    {
        _serverProcesses = serverProcesses;
        _conversations = conversations;
        _connections = [.. conversations.Select((_, i) => servers[i % servers.Count]).Select(uri => new HttpConnection(new IPEndPoint(IPAddress.Loopback, uri.Port)))];
        for (int i = 0; i < _connections.Length; i++)
        {
            _connections[i].WatchWith(_epoll, i);
        }
    }

    /// <summary>Lets all conversations go on for the time, then for as long as it takes them to come to rest; only the first part counts.</summary>
    internal Figure Run(TimeSpan duration)
    {
        Moment before = Now();
        for (int i = 0; i < _connections.Length; i++)
        {
            _connections[i].Send(_conversations[i].NextRequest());
        }

        Moment? after = null;
        int talking = _connections.Length;
        while (talking > 0)
        {
            int ready = _epoll.Wait(milliseconds: 10);
            TimeSpan elapsed = TimeProvider.System.GetElapsedTime(before.Timestamp);
            after ??= elapsed >= duration ? Now() : null;
            if (elapsed > duration + s_patience)
            {
                throw new TimeoutException($"{talking} conversations have not come to rest; the first error was {Between(before, Now()).FirstError ?? "none"}.");
            }

            for (int i = 0; i < ready; i++)
            {
                talking -= Continue(_epoll.Number(i), isOver: after is not null) ? 0 : 1;
            }
        }

        return Between(before, after ?? Now());
    }

    /// <summary>Lets each conversation go through one cycle, which is not measured.</summary>
    /// <exception cref="InvalidOperationException">An answer was not as expected.</exception>
    internal void RunOnce()
    {
        _ = Run(TimeSpan.Zero);
        if (_conversations.FirstOrDefault(conversation => conversation.Errors > 0) is { } failed)
        {
            throw new InvalidOperationException($"What a row needs could not be made: {failed.FirstError}");
        }
    }

    /// <returns>False if the conversation is over.</returns>
    private bool Continue(int number, bool isOver)
    {
        if (!_connections[number].TryReceive(out HttpAnswer answer))
        {
            return true;
        }

        Conversation conversation = _conversations[number];
        conversation.Take(answer);
        if (isOver && conversation.IsAtRest)
        {
            return false;
        }

        _connections[number].Send(conversation.NextRequest());
        return true;
    }

    private Moment Now() => new(
        TimeProvider.System.GetTimestamp(),
        _conversations.Sum(conversation => conversation.Cycles),
        _conversations.Sum(conversation => conversation.Requests),
        _conversations.Sum(conversation => conversation.Errors),
        ProcessFigures.CpuTime(_serverProcesses),
        Environment.CpuUsage.TotalTime);

    private Figure Between(Moment before, Moment after)
    {
        long requests = Math.Max(1, after.Requests - before.Requests);
        return new Figure
        {
            PerSecond = (after.Cycles - before.Cycles) / TimeProvider.System.GetElapsedTime(before.Timestamp, after.Timestamp).TotalSeconds,
            Errors = after.Errors - before.Errors,
            FirstError = _conversations.FirstOrDefault(conversation => conversation.FirstError is not null)?.FirstError,
            ServerMicroseconds = (after.ServerCpu - before.ServerCpu).TotalMicroseconds / requests,
            LoadMicroseconds = (after.LoadCpu - before.LoadCpu).TotalMicroseconds / requests,
        };
    }

    public void Dispose()
    {
        Array.ForEach(_connections, connection => connection.Dispose());
        _epoll.Dispose();
    }

    private sealed record Moment(long Timestamp, long Cycles, long Requests, long Errors, TimeSpan ServerCpu, TimeSpan LoadCpu);
}
