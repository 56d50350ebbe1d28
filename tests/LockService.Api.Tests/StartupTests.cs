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
            "--LockService:MaxWaiters=10001", "--LockService:SweepIntervalMs=soon", "--LockService:ExpiriesPerSecond=39",
            "--LockService:MaxConnections=0", "--LockService:Rot=/a");

        Assert.Equal(9, lines.Length);
        Assert.Contains("lockservice: LockService:SessionTimeoutMs: '999' is not an integer from 1000 to 60000.", lines);
        Assert.Contains(lines, line => line.StartsWith("lockservice: LockService:Rot: there is no such setting; known are ", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("ZooKeeperTls: 'yes' is neither true nor false.", "ZooKeeperTls=yes")]
    [InlineData("ZooKeeperAuthorityFile: it is of no use without ZooKeeperTls=true.", "ZooKeeperAuthorityFile=/ca.pem")]
    [InlineData("ZooKeeperAuthorityFile: '/no/ca.pem' cannot be used: Could not find", "ZooKeeperTls=true", "ZooKeeperAuthorityFile=/no/ca.pem")]
    [InlineData("ZooKeeperCertificateFile: '/dev/null' cannot be used: ", "ZooKeeperTls=true", "ZooKeeperCertificateFile=/dev/null")]
    [InlineData("ZooKeeperKeyFile: it is of no use without ZooKeeperCertificateFile.", "ZooKeeperTls=true", "ZooKeeperKeyFile=/key.pem")]
    [InlineData("ZooKeeperCertificateName: '-?' is not a host name.", "ZooKeeperTls=true", "ZooKeeperCertificateName=-?")]
    [InlineData("ZooKeeperDigestUser: it is missing, but ZooKeeperDigestPassword is there.", "ZooKeeperDigestPassword=hush")]
    [InlineData("ZooKeeperDigestUser: it needs ZooKeeperDigestPasswordFile, or", "ZooKeeperTls=true", "ZooKeeperDigestUser=bob")]
    [InlineData("ZooKeeperDigestUser: 'b:b' is not", "ZooKeeperTls=true", "ZooKeeperDigestUser=b:b", "ZooKeeperDigestPassword=hush")]
    [InlineData("ZooKeeperSaslPassword: the password is not", "ZooKeeperTls=true", "ZooKeeperSaslUser=bob", "ZooKeeperSaslPassword=hush-ü")]
    [InlineData("ZooKeeperSaslPasswordFile: Could not find", "ZooKeeperTls=true", "ZooKeeperSaslUser=bob", "ZooKeeperSaslPasswordFile=/no/file")]
    [InlineData("ZooKeeperPasswordsInClear: passwords are not sent without ZooKeeperTls=true", "ZooKeeperSaslUser=bob", "ZooKeeperSaslPassword=hush")]
    public async Task A_mistake_in_how_to_meet_ZooKeeper_gets_a_line_without_the_password(string expected, params string[] settings)
    {
        string line = Assert.Single(await FailAsync([.. settings.Select(setting => $"--LockService:{setting}")]));

        Assert.StartsWith($"lockservice: LockService:{expected}", line, StringComparison.Ordinal);
        Assert.DoesNotContain("hush", line, StringComparison.Ordinal);
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
