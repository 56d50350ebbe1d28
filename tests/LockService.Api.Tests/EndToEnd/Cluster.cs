using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using LockService.Testing;

namespace LockService.Api.Tests.EndToEnd;

/// <summary>Two service processes on one ZooKeeper, seen from outside: HTTP, and signals.</summary>
internal sealed class Cluster : IAsyncDisposable
{
    /// <summary>Asked of ZooKeeper, whose test server grants any timeout from a second up.</summary>
    internal static readonly TimeSpan SessionTimeout = TimeSpan.FromSeconds(4);

    private Cluster(ServiceProcess one, ServiceProcess two) => (One, Two) = (one, two);

    internal ServiceProcess One { get; }

    internal ServiceProcess Two { get; }

    internal static async Task<Cluster> StartAsync(string zooKeeper)
    {
        string assembly = Path.Combine(AppContext.BaseDirectory, "LockService.Api.dll");
        string timeout = $"--LockService:SessionTimeoutMs={SessionTimeout.TotalMilliseconds}";
        ServiceProcess[] services = await Task.WhenAll(
            ServiceProcess.StartAsync(assembly, zooKeeper, timeout), ServiceProcess.StartAsync(assembly, zooKeeper, timeout));
        await Task.WhenAll(services.Select(service => service.ReadyAsync()));
        return new Cluster(services[0], services[1]);
    }

    /// <summary>One of the two, by turns.</summary>
    internal ServiceProcess this[int turn] => turn % 2 == 0 ? One : Two;

    public async ValueTask DisposeAsync()
    {
        await One.DisposeAsync();
        await Two.DisposeAsync();
    }
}

/// <summary>An answer of the service.</summary>
/// <param name="Status">The status code.</param>
/// <param name="Body">The body; undefined if there was none.</param>
internal sealed record Answer(HttpStatusCode Status, JsonElement Body)
{
    internal long Number(string member) => Body.GetProperty(member).GetInt64();

    internal string Text(string member) => Body.GetProperty(member).GetString()!;

    public override string ToString() => $"{(int)Status} {Body}";
}

internal static class ServiceCalls
{
    /// <summary>Posts JSON and reads the answer.</summary>
    internal static async Task<Answer> PostAsync(this ServiceProcess service, string path, object body, CancellationToken cancellation = default)
    {
        using HttpResponseMessage response = await service.Http.PostAsJsonAsync(new Uri(path, UriKind.Relative), body, cancellation);
        return await ReadAsync(response, cancellation);
    }

    /// <summary>Gets and reads the answer.</summary>
    internal static async Task<Answer> GetAsync(this ServiceProcess service, string path)
    {
        using HttpResponseMessage response = await service.Http.GetAsync(new Uri(path, UriKind.Relative));
        return await ReadAsync(response, default);
    }

    private static async Task<Answer> ReadAsync(HttpResponseMessage response, CancellationToken cancellation)
    {
        byte[] bytes = await response.Content.ReadAsByteArrayAsync(cancellation);
        return new Answer(response.StatusCode, bytes.Length == 0 ? default : JsonSerializer.Deserialize<JsonElement>(bytes));
    }
}
