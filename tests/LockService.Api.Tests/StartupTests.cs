using System.Diagnostics;
using LockService.Testing;
using Xunit;

namespace LockService.Api.Tests;

/// <summary>A service that cannot start says why, in one line for each mistake, and ends.</summary>
public sealed class StartupTests
{
    [Fact]
    public async Task Every_mistake_in_the_settings_gets_a_line()
    {
        string[] lines = await FailAsync(
            "--LockService:ZooKeeper=:x", "--LockService:Root=root", "--LockService:SessionTimeoutMs=999", "--LockService:StoreDeadlineMs=1.5",
            "--LockService:MaxWaiters=2001", "--LockService:SweepIntervalMs=soon", "--LockService:MaxConnections=0", "--LockService:Rot=/a");

        Assert.Equal(8, lines.Length);
        Assert.Contains("lockservice: LockService:SessionTimeoutMs: '999' is not an integer from 1000 to 60000.", lines);
        Assert.Contains(lines, line => line.StartsWith("lockservice: LockService:Rot: there is no such setting; known are ", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("nonsense")]
    [InlineData("http://127.0.0.1:99999")]
    public async Task An_address_that_is_none_gets_a_line(string url) =>
        Assert.Equal($"lockservice: urls: '{url}' is not an address to listen on, such as http://127.0.0.1:8080.", Assert.Single(await FailAsync("--urls", url)));

    [Fact]
    public async Task A_port_that_is_taken_gets_a_line()
    {
        using var taken = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0);
        taken.Start();

        string line = Assert.Single(await FailAsync("--urls", $"http://{taken.LocalEndpoint}"));

        Assert.Contains("address already in use", line, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_log_level_that_is_none_gets_a_line() =>
        Assert.Contains("'Loud'", Assert.Single(await FailAsync("--Logging:LogLevel:Default=Loud")), StringComparison.Ordinal);

    private static async Task<string[]> FailAsync(params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet", [ServiceFixture.Assembly, .. arguments]) { RedirectStandardError = true, RedirectStandardOutput = true };
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        string errors = await Eventually.CompletesAsync("the service ends", process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync();

        Assert.Equal(1, process.ExitCode);
        Assert.DoesNotContain("   at ", errors + await output, StringComparison.Ordinal);
        return errors.Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }
}
