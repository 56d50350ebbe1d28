using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using LockService.Testing;

namespace LockService.Api.Tests.EndToEnd;

/// <summary>Service processes, two unless said otherwise, on one ZooKeeper, seen from outside: HTTP, and signals.</summary>
internal sealed class Cluster : IAsyncDisposable
{
    /// <summary>Asked of ZooKeeper, whose test server grants any timeout from a second up.</summary>
    internal static readonly TimeSpan SessionTimeout = TimeSpan.FromSeconds(4);

    private readonly ServiceProcess[] _services;

    private Cluster(ServiceProcess[] services) => _services = services;

    internal ServiceProcess One => _services[0];

    internal ServiceProcess Two => _services[1];

    internal static async Task<Cluster> StartAsync(string zooKeeper, int instances = 2)
    {
        string assembly = Path.Combine(AppContext.BaseDirectory, "LockService.Api.dll");
        string timeout = $"--LockService:SessionTimeoutMs={SessionTimeout.TotalMilliseconds}";
        ServiceProcess[] services = await Task.WhenAll(
            Enumerable.Range(0, instances).Select(_ => ServiceProcess.StartAsync(assembly, zooKeeper, timeout)));
        await Task.WhenAll(services.Select(service => service.ReadyAsync()));
        return new Cluster(services);
    }

    internal int Count => _services.Length;

    /// <summary>A client of each.</summary>
    internal IReadOnlyList<HttpClient> Clients => [.. _services.Select(service => service.Http)];

    /// <summary>One of them, by turns.</summary>
    internal ServiceProcess this[int turn] => _services[turn % _services.Length];

    public async ValueTask DisposeAsync()
    {
        foreach (ServiceProcess service in _services)
        {
            await service.DisposeAsync();
        }
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
    internal static Task<Answer> PostAsync(this ServiceProcess service, string path, object body, CancellationToken cancellation = default) =>
        service.PostAsync(path, body, key: null, cancellation);

    /// <summary>The same under a key.</summary>
    internal static async Task<Answer> PostAsync(this ServiceProcess service, string path, object body, string? key, CancellationToken cancellation)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(path, UriKind.Relative)) { Content = JsonContent.Create(body) };
        if (key is not null)
        {
            request.Headers.Add("Idempotency-Key", key);
        }

        using HttpResponseMessage response = await service.Http.SendAsync(request, cancellation);
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
