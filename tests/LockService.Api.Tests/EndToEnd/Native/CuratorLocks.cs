using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using LockService.Testing;

namespace LockService.Api.Tests.EndToEnd.Native;

/// <summary>Curator's <c>InterProcessReadWriteLock</c>, in a JVM that compiles its program when it starts.</summary>
internal sealed class CuratorLocks : INativeClient
{
    private const string Directory = "/usr/share/java";

    private static readonly string[] s_jars =
    [
        "curator-recipes.jar", "curator-framework.jar", "curator-client.jar", "guava.jar", "zookeeper.jar", "zookeeper-jute.jar", "slf4j-api.jar", "slf4j-nop.jar",
        "netty-handler.jar", "netty-transport.jar", "netty-common.jar", "netty-buffer.jar",
    ];

    private readonly ConcurrentDictionary<int, TaskCompletionSource<string>> _asked = new();
    private readonly Process _process;
    private readonly Task _reading;
    private bool _ended;

    internal CuratorLocks(string zooKeeper)
    {
        string classPath = string.Join(':', s_jars.Select(jar => Path.Combine(Directory, jar)));
        _process = Process.Start(new ProcessStartInfo(
            "java", ["-Xmx128m", "-XX:TieredStopAtLevel=1", "-cp", classPath, Path.Combine(AppContext.BaseDirectory, "java", "CuratorLocks.java"), zooKeeper])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!;
        _reading = ReadAsync();
    }

    public async Task<bool> AcquireAsync(int contender, string path, bool shared) =>
        bool.Parse(await AskAsync(contender, $"{(shared ? "read" : "write")} {path} 25"));

    public async Task ReleaseAsync(int contender) => bool.Parse(await AskAsync(contender, "release"));

    public void Kill() => _process.Kill();

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
            await Eventually.CompletesAsync("Curator ends", _process.WaitForExitAsync());
        }
        catch (TimeoutException)
        {
            _process.Kill();
        }

        await _reading;
        _process.Dispose();
    }

    /// <summary>The first answer includes the start of the JVM.</summary>
    private async Task<string> AskAsync(int contender, string request)
    {
        var answered = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        _asked[contender] = answered;
        string line = string.Create(CultureInfo.InvariantCulture, $"{contender} {request}");
        lock (_asked)
        {
            _process.StandardInput.WriteLine(line);
            _process.StandardInput.Flush();
        }

        return await Eventually.CompletesAsync($"Curator answers '{line}'", answered.Task, TimeSpan.FromSeconds(60));
    }

    private async Task ReadAsync()
    {
        while (await _process.StandardOutput.ReadLineAsync() is { } line)
        {
            string[] words = line.Split(' ', 2);
            _asked[int.Parse(words[0], CultureInfo.InvariantCulture)].TrySetResult(words[1]);
        }

        foreach (TaskCompletionSource<string> waiting in _asked.Values)
        {
            waiting.TrySetException(new InvalidOperationException(
                "The JVM has ended; are Debian's packages libcurator-recipes-java and default-jdk-headless installed?"));
        }
    }
}
