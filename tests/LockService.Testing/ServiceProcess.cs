using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace LockService.Testing;

/// <summary>
/// The service as a process of its own, the way it is deployed, on a port of its own. It ends with the test process, however that ends:
/// a shell watches over it and kills it when the pipe from the test process closes.
/// </summary>
public sealed class ServiceProcess : IAsyncDisposable
{
    /// <summary>Prints the service's process id, then waits for the end of the pipe, and kills what is left of it.</summary>
    private const string Watchdog =
        """
        exec 3<&0 2>/dev/null
        "$@" </dev/null 3<&- 2>&1 &
        service=$!
        echo $service
        { read -r _; kill -9 $service; } <&3 >/dev/null 2>&1 &
        wait $service
        """;

    private readonly ConcurrentQueue<string> _log = new();
    private readonly Process _process;
    private readonly Task<int> _exited;

    private ServiceProcess(Process process, Uri address, int processId)
    {
        _process = process;
        _exited = FollowAsync();
        Address = address;
        ProcessId = processId;
        Http = new HttpClient(new SocketsHttpHandler { MaxConnectionsPerServer = 1000 }) { BaseAddress = address, Timeout = TimeSpan.FromMinutes(12) };
    }

    /// <summary>Where it listens.</summary>
    public Uri Address { get; }

    /// <summary>The service's own process id.</summary>
    public int ProcessId { get; }

    /// <summary>A client for <see cref="Address"/>.</summary>
    public HttpClient Http { get; }

    /// <summary>Completes with the exit code; 128 + the signal's number after a signal.</summary>
    public Task<int> Exited => _exited;

    /// <summary>Starts the service and waits until it answers; not until it is ready.</summary>
    /// <param name="assembly">The service's assembly.</param>
    /// <param name="zooKeeper">The connect string.</param>
    /// <param name="settings">More settings, such as <c>--LockService:SessionTimeoutMs=4000</c>.</param>
    public static Task<ServiceProcess> StartAsync(string assembly, string zooKeeper, params string[] settings) => StartAsync(assembly, zooKeeper, [], settings);

    /// <summary>Starts the service and waits until it answers; not until it is ready.</summary>
    /// <param name="assembly">The service's assembly.</param>
    /// <param name="zooKeeper">The connect string.</param>
    /// <param name="environment">Variables of its environment, such as <c>LD_PRELOAD=...</c>; the shell that watches over it does not get them.</param>
    /// <param name="settings">More settings.</param>
    public static async Task<ServiceProcess> StartAsync(string assembly, string zooKeeper, IEnumerable<string> environment, IEnumerable<string> settings)
    {
        var address = new Uri($"http://127.0.0.1:{FreePort.Next()}");
        string[] command =
        [
            "-c", Watchdog, "watchdog", "env", .. environment, "dotnet", assembly,
            "--urls", address.ToString(), $"--LockService:ZooKeeper={zooKeeper}", .. settings,
        ];
        Process process = Process.Start(new ProcessStartInfo("sh", command) { RedirectStandardInput = true, RedirectStandardOutput = true })!;
        int processId = int.Parse((await process.StandardOutput.ReadLineAsync())!, CultureInfo.InvariantCulture);
        var service = new ServiceProcess(process, address, processId);
        try
        {
            await Eventually.TrueAsync("the service answers", () => service.StatusIsAsync("/livez", HttpStatusCode.OK), TimeSpan.FromSeconds(60));
            return service;
        }
        catch (Exception e)
        {
            await service.DisposeAsync();
            throw new InvalidOperationException($"The service did not start: {e.Message}\n{service.LogTail()}", e);
        }
    }

    /// <summary>Waits until the service is ready.</summary>
    public Task ReadyAsync() =>
        Eventually.TrueAsync("the service is ready", () => StatusIsAsync("/readyz", HttpStatusCode.OK), TimeSpan.FromSeconds(60));

    /// <summary>Ends the process like a crash would.</summary>
    public async Task KillAsync()
    {
        await SignalAsync("KILL");
        await Eventually.CompletesAsync("the killed service is gone", Exited);
    }

    /// <summary>Asks the process to shut down.</summary>
    public Task TerminateAsync() => SignalAsync("TERM");

    /// <summary>Stops the process without ending it.</summary>
    public Task FreezeAsync() => SignalAsync("STOP");

    /// <summary>Lets a frozen process go on.</summary>
    public Task ThawAsync() => SignalAsync("CONT");

    /// <summary>The last lines of what it printed.</summary>
    public string LogTail() => string.Join('\n', _log.TakeLast(40));

    /// <summary>Kills the process if it still runs.</summary>
    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        _process.StandardInput.Close();
        await _exited;
        _process.Dispose();
    }

    private async Task<int> FollowAsync()
    {
        while (await _process.StandardOutput.ReadLineAsync() is { } line)
        {
            _log.Enqueue(line);
        }

        await _process.WaitForExitAsync();
        return _process.ExitCode;
    }

    private async Task<bool> StatusIsAsync(string path, HttpStatusCode expected)
    {
        if (_exited.IsCompleted)
        {
            throw new InvalidOperationException($"the service has ended with exit code {await _exited}");
        }

        try
        {
            using HttpResponseMessage response = await Http.GetAsync(new Uri(path, UriKind.Relative));
            return response.StatusCode == expected;
        }
        catch (Exception e) when (e is HttpRequestException or SocketException)
        {
            return false;
        }
    }

    private async Task SignalAsync(string signal)
    {
        using Process kill = Process.Start("sh", ["-c", "kill -$0 $1", signal, $"{ProcessId}"]);
        await kill.WaitForExitAsync();
        if (kill.ExitCode != 0)
        {
            throw new InvalidOperationException($"Signal {signal} could not be sent to the service, process {ProcessId}.\n{LogTail()}");
        }
    }
}
