using System.Diagnostics.CodeAnalysis;
using LockService.Testing;
using Xunit;

namespace LockService.Api.Tests;

/// <summary>Clients that take their time, and clients that are too many, cost the others nothing.</summary>
public sealed class SlowClientTests : IAsyncLifetime
{
    private ServiceProcess _service = null!;

    public async Task InitializeAsync() =>
        _service = await ServiceProcess.StartAsync(ServiceFixture.Assembly, "127.0.0.1:1", "--LockService:MaxConnections=3");

    public async Task DisposeAsync() => await _service.DisposeAsync();

    [Fact]
    public async Task A_body_that_does_not_come_is_given_up()
    {
        string head = "POST /v1/locks/slow/acquire HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{";

        string answer = await RawRequest.SendAsync(_service.Address, head);

        Assert.StartsWith("HTTP/1.1 408 ", answer, StringComparison.Ordinal);
        Assert.Contains("application/problem+json", answer, StringComparison.Ordinal);
    }

    [Fact]
    [SuppressMessage("Reliability", "CA2000", Justification = "The array's sockets are disposed in the end.")]
    public async Task Connections_beyond_the_limit_are_closed()
    {
        // One is the service's own client's.
        System.Net.Sockets.TcpClient[] idle = [new(), new()];
        foreach (System.Net.Sockets.TcpClient client in idle)
        {
            await client.ConnectAsync(_service.Address.Host, _service.Address.Port);
        }

        await Eventually.TrueAsync("the next is closed", async () => await RawRequest.SendAsync(_service.Address, "GET /livez HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n") is "" or "\n(IOException)");
        Array.ForEach(idle, client => client.Dispose());
        await Eventually.TrueAsync(
            "there is room again",
            async () => (await RawRequest.SendAsync(_service.Address, "GET /livez HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")).StartsWith("HTTP/1.1 200", StringComparison.Ordinal));
    }
}
