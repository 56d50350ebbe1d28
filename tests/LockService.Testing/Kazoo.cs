using System.Diagnostics;
using System.Text.Json;
using LockService.ZooKeeper;

namespace LockService.Testing;

/// <summary>
/// A session of kazoo, the Python client of Debian's package <c>python3-kazoo</c>, in a process of its own: it evaluates one expression per line,
/// with the client as <c>zk</c>, and answers with its value as JSON.
/// </summary>
public sealed class Kazoo : IAsyncDisposable
{
    private const string Script =
        """
        import json, sys
        from kazoo.client import KazooClient
        from kazoo.retry import KazooRetry
        from kazoo.security import make_acl
        seen = []
        zk = KazooClient(hosts=sys.argv[1])
        zk.start(timeout=30)
        def plain(value):
            return value.decode() if isinstance(value, bytes) else [plain(v) for v in value] if isinstance(value, (list, tuple)) else value
        for line in sys.stdin:
            print(json.dumps(plain(eval(line))), flush=True)
        zk.stop()
        """;

    private readonly Process _process;
    private bool _ended;

    /// <summary>Starts the process.</summary>
    public Kazoo(ConnectString servers) => _process = Process.Start(
        new ProcessStartInfo("/usr/bin/python3", ["-c", Script, servers.ToString()]) { RedirectStandardInput = true, RedirectStandardOutput = true })!;

    /// <summary>Ends the process like a crash would: the session lives on until it times out.</summary>
    public void Kill() => _process.Kill();

    /// <summary>Closes the session in good order.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_ended)
        {
            return;
        }

        _ended = true;
        _process.StandardInput.Close();
        try
        {
            await Eventually.CompletesAsync("kazoo ends", _process.WaitForExitAsync());
        }
        catch (TimeoutException)
        {
            _process.Kill();
        }

        _process.Dispose();
    }

    /// <summary>Evaluates an expression of Python.</summary>
    /// <exception cref="InvalidOperationException">It failed; Python has told why on standard error.</exception>
    public async Task<JsonElement> EvaluateAsync(string expression)
    {
        await _process.StandardInput.WriteLineAsync(expression);
        string? answer = await Eventually.CompletesAsync($"kazoo evaluates {expression}", _process.StandardOutput.ReadLineAsync());
        return answer is null
            ? throw new InvalidOperationException($"kazoo failed at {expression}; is Debian's package python3-kazoo installed?")
            : JsonDocument.Parse(answer).RootElement;
    }
}
