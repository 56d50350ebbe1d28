using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using System.Text;
using LockService.Testing.Histories;
using LockService.ZooKeeper;

namespace LockService.Testing;

/// <summary>
/// A real ZooKeeper, alone or a member of a <see cref="ZooKeeperEnsemble"/>, in a process of its own, with its own port and data directory. It ends with the test process, however
/// that ends: a shell watches over the server and kills it when the pipe from the test process closes.
/// </summary>
public sealed class ZooKeeperServer : IAsyncDisposable
{
    /// <summary>
    /// Prints the server's process id, then waits for an order: "keep" stops the server and leaves its data; anything else, such as
    /// the end of the pipe when the test process dies, stops it and removes the directory. What the server prints goes through a pipe, so
    /// that it can still say so when it may not write to files.
    /// </summary>
    private const string Watchdog =
        """
        directory=$1; shift
        [ -p "$directory/output" ] || mkfifo "$directory/output"
        cat <"$directory/output" >>"$directory/log" &
        "$@" </dev/null >"$directory/output" 2>&1 &
        echo $!
        read -r order
        kill -9 $! 2>/dev/null
        wait 2>/dev/null
        [ "$order" = keep ] || rm -rf "$directory"
        """;

    private readonly string _directory;
    private readonly ZooKeeperServerOptions _options;
    private Process? _watchdog;
    private int _processId;

    internal ZooKeeperServer(ZooKeeperServerOptions options, int port)
    {
        _options = options;
        _directory = Directory.CreateTempSubdirectory("lockservice-zookeeper-").FullName;
        Port = port;
        SecurePort = FreePort.Next();
    }

    /// <summary>The client port; the same over the server's whole life, restarts included.</summary>
    public int Port { get; }

    /// <summary>The TLS port, if the options ask for one.</summary>
    public int SecurePort { get; }

    /// <summary>Whether the process was started and not ended since.</summary>
    public bool IsRunning => _watchdog is not null;

    /// <summary>Whether the process has ended by itself since it was started.</summary>
    public bool HasEnded => _watchdog is not null && !ProcessExists();

    /// <summary>Whether it is stopped by <see cref="FreezeAsync"/>.</summary>
    public bool IsFrozen { get; private set; }

    /// <summary>Raised before the process is ended, with false, and when it listens again, with true.</summary>
    public event Action<bool>? Serves;

    /// <summary>Variables of the process's environment from its next start on, such as <c>LD_PRELOAD=...</c>. Default: none beyond the test's own.</summary>
    public IReadOnlyList<string> Environment { get; set; } = [];

    /// <summary>The server's own process id, of its last start.</summary>
    public int ProcessId => _processId;

    private string LogFile => Path.Combine(_directory, "log");

    internal string DataDirectory => Path.Combine(_directory, "data");

    /// <summary>Where clients connect to, without a chroot.</summary>
    public string ConnectString => $"127.0.0.1:{Port}";

    /// <summary>Starts a new, empty server and waits until it answers.</summary>
    public static async Task<ZooKeeperServer> StartNewAsync(ZooKeeperServerOptions? options = null)
    {
        for (int attempt = 1; ; attempt++)
        {
            var server = new ZooKeeperServer(options ?? new ZooKeeperServerOptions(), FreePort.Next());
            try
            {
                await server.StartAsync();
                return server;
            }
            catch (InvalidOperationException e) when (attempt < 5 && e.Message.Contains("Address already in use", StringComparison.Ordinal))
            {
                // Somebody else took the port since it was found free.
                await server.DisposeAsync();
            }
            catch
            {
                await server.DisposeAsync();
                throw;
            }
        }
    }

    /// <summary>Starts the stopped server again, on the same port and data, and waits until it answers.</summary>
    /// <exception cref="InvalidOperationException">It does not come up; the message ends with the tail of its log.</exception>
    public async Task StartAsync()
    {
        try
        {
            await LaunchAsync();
            await Eventually.TrueAsync("ZooKeeper answers", IsServingAsync, TimeSpan.FromSeconds(60));
        }
        catch (Exception e) when (e is TimeoutException or InvalidOperationException)
        {
            throw new InvalidOperationException($"ZooKeeper did not start: {e.Message}\n{LogTail()}", e);
        }
    }

    /// <summary>
    /// Like <see cref="StartAsync"/>, but only waits until the server listens: without a quorum, for one, it will not answer soon. Whether the
    /// process has ended instead, <see cref="HasEnded"/> tells.
    /// </summary>
    public async Task LaunchAsync()
    {
        string config = Path.Combine(_directory, "zoo.cfg");
        ZooKeeperServerOptions options = await _options.WithSecurityAsync(_directory, SecurePort);
        if (!File.Exists(config))
        {
            // Once only: an ensemble that can be changed while it runs keeps its own changes there.
            await File.WriteAllLinesAsync(config, options.ConfigLines(Port, DataDirectory));
            await options.WriteNodesAsync(DataDirectory);
        }

        string[] command = ["-c", Watchdog, "watchdog", _directory, "env", .. Environment, "java", .. options.JavaArguments(config)];
        _watchdog = Process.Start(new ProcessStartInfo("sh", command) { RedirectStandardInput = true, RedirectStandardOutput = true })!;
        _processId = int.Parse((await _watchdog.StandardOutput.ReadLineAsync())!, CultureInfo.InvariantCulture);
        await Eventually.TrueAsync("ZooKeeper listens", async () => HasEnded || await ListensAsync(), TimeSpan.FromSeconds(60));
        if (!HasEnded)
        {
            Serves?.Invoke(true);
        }
    }

    /// <summary>Kills the server like a crash would; data and port are kept for <see cref="StartAsync"/>.</summary>
    public Task StopAsync() => EndAsync("keep");

    /// <summary>Changes a line of <c>zoo.cfg</c>, which the next start reads.</summary>
    /// <param name="key">The setting, such as <c>maxClientCnxns</c>.</param>
    /// <param name="value">Its value from then on.</param>
    public async Task ConfigureAsync(string key, string value)
    {
        string config = Path.Combine(_directory, "zoo.cfg");
        string[] others = [.. (await File.ReadAllLinesAsync(config)).Where(line => !line.StartsWith($"{key}=", StringComparison.Ordinal))];
        await File.WriteAllLinesAsync(config, [.. others, $"{key}={value}"]);
    }

    /// <summary>Kills the server and starts it again.</summary>
    public async Task RestartAsync()
    {
        await StopAsync();
        await StartAsync();
    }

    /// <summary>
    /// Kills the server and starts it again with a node that looks as if its data had been set until it had this version.
    /// </summary>
    public Task RestartWithVersionAsync(string path, byte[] data, int version) =>
        RestartWithAsync(zxid => TransactionLog.WriteSetDataAsync(DataDirectory, zxid, path, data, version));

    /// <summary>
    /// Restarts the server with one more node, of whose parent the next sequential child gets the number: as if so many had come and gone.
    /// </summary>
    public Task RestartWithNumberAsync(string path, int number) =>
        RestartWithAsync(zxid => TransactionLog.WriteCreateAsync(DataDirectory, zxid, new PreparedNode(path, NextNumber: number)));

    /// <summary>
    /// Kills the server and starts it from a snapshot that was begun at a transaction and read the nodes after the last one, as it may happen to one that
    /// is written while transactions go on. The server then repeats what came after its beginning. Its options must not have the beginning written
    /// into snapshots (<c>zookeeper.serializeLastProcessedZxid.enabled</c>).
    /// </summary>
    /// <param name="zxid">The last transaction before the snapshot was begun.</param>
    public async Task RestartFromSnapshotBegunAtAsync(long zxid)
    {
        // Whoever starts writes one of all that it has.
        await RestartAsync();
        await StopAsync();
        string[] files = [.. Directory.GetFiles(Path.Combine(DataDirectory, "version-2"), "snapshot.*")
            .OrderBy(file => Convert.ToInt64(Path.GetExtension(file)[1..], 16))];
        Array.ForEach(files[..^1], File.Delete);
        File.Move(files[^1], Path.Combine(DataDirectory, "version-2", $"snapshot.{zxid:x}"));
        await StartAsync();
    }

    /// <summary>Stops the process without ending it: connections stay open and nothing is answered.</summary>
    public async Task FreezeAsync()
    {
        await SignalAsync("STOP");
        IsFrozen = true;
    }

    /// <summary>Lets a frozen server go on.</summary>
    public async Task ThawAsync()
    {
        await SignalAsync("CONT");
        IsFrozen = false;
    }

    /// <summary>Ends a client's session from outside, as an expiry would: its ephemeral nodes are gone when this returns.</summary>
    public Task KillSessionAsync(ZooKeeperClient client)
    {
        ArgumentNullException.ThrowIfNull(client);
        return SessionKiller.KillAsync(Port, client.SessionId, client.SessionPassword);
    }

    /// <summary>Ends a session of which the id and the password are known; see <see cref="KillSessionAsync(ZooKeeperClient)"/>.</summary>
    /// <param name="sessionId">The session.</param>
    /// <param name="password">Its password.</param>
    /// <param name="cancellationToken">Gives up, for a server that may not answer; the session may have ended or not.</param>
    /// <exception cref="InvalidOperationException">There is no such session.</exception>
    public Task KillSessionAsync(long sessionId, byte[] password, CancellationToken cancellationToken = default) =>
        SessionKiller.KillAsync(Port, sessionId, password, cancellationToken);

    /// <summary>What the server says it is: "leader", "follower" or "standalone"; null while it does not serve.</summary>
    public async Task<string?> ModeAsync()
    {
        const string prefix = "Mode: ";
        string answer = await TryAskAsync("srvr");
        return answer.Split('\n').FirstOrDefault(line => line.StartsWith(prefix, StringComparison.Ordinal))?[prefix.Length..].Trim();
    }

    /// <summary>Sends a four-letter command.</summary>
    /// <returns>The answer, empty if the server closed the connection without one.</returns>
    /// <exception cref="OperationCanceledException">No answer within 10 s.</exception>
    public Task<string> AskAsync(string command) => AskAsync(command, TimeSpan.FromSeconds(10));

    /// <summary>All transactions since the server was new, in their order, as it has logged them until now.</summary>
    public IReadOnlyList<LoggedTransaction> ReadTransactions() => LoggedTransaction.ReadAll(DataDirectory);

    /// <summary>The files with these transactions; each is named for its first one.</summary>
    public IReadOnlyList<string> TransactionLogs() => Directory.GetFiles(Path.Combine(DataDirectory, "version-2"), "log.*");

    /// <summary>The last transaction in each snapshot that the server has written.</summary>
    public IReadOnlyList<long> Snapshots() =>
        [.. Directory.GetFiles(Path.Combine(DataDirectory, "version-2"), "snapshot.*").Select(file => Convert.ToInt64(Path.GetExtension(file)[1..], 16))];

    /// <summary>Its version, as in "3.8.0"; "unknown" if it does not tell.</summary>
    public async Task<string> VersionAsync()
    {
        const string prefix = "Zookeeper version: ";
        string answer = await TryAskAsync("srvr");
        return answer.StartsWith(prefix, StringComparison.Ordinal) ? answer[prefix.Length..].Split('-', ',', '\n')[0] : "unknown";
    }

    /// <summary>The last lines of the server's log.</summary>
    public string LogTail() => string.Join('\n', Log.TakeLast(40).DefaultIfEmpty("(no log)"));

    /// <summary>All lines of the server's log, over its restarts.</summary>
    public IEnumerable<string> Log => File.Exists(LogFile) ? File.ReadLines(LogFile) : [];

    /// <summary>Kills the server and removes its directory.</summary>
    public async ValueTask DisposeAsync()
    {
        await EndAsync("remove");
        if (Directory.Exists(_directory))
        {
            Directory.Delete(_directory, recursive: true);
        }
    }

    private async Task EndAsync(string order)
    {
        if (_watchdog is { } watchdog)
        {
            _watchdog = null;
            Serves?.Invoke(false);
            IsFrozen = false;
            await watchdog.StandardInput.WriteLineAsync(order);
            watchdog.StandardInput.Close();
            await watchdog.WaitForExitAsync();
            watchdog.Dispose();
        }
    }

    /// <summary>The shell keeps what is left of an ended process, its entry in the table, until it is told to stop it.</summary>
    private bool ProcessExists()
    {
        try
        {
            string status = File.ReadAllText($"/proc/{_processId}/stat");
            return status[status.LastIndexOf(')') + 2] is not ('Z' or 'X');
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private async Task<bool> ListensAsync()
    {
        try
        {
            using var socket = new TcpClient();
            await socket.ConnectAsync("127.0.0.1", Port);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private async Task<bool> IsServingAsync()
    {
        if (!ProcessExists())
        {
            throw new InvalidOperationException("the process has ended");
        }

        return (await TryAskAsync("srvr")).Contains("Zookeeper version", StringComparison.Ordinal);
    }

    /// <summary>Now and then a server that is just starting accepts a command and never answers: ask again soon.</summary>
    /// <returns>The answer, empty if none came soon.</returns>
    private async Task<string> TryAskAsync(string command)
    {
        try
        {
            return await AskAsync(command, TimeSpan.FromMilliseconds(300));
        }
        catch (Exception e) when (e is SocketException or IOException or OperationCanceledException)
        {
            return "";
        }
    }

    private async Task<string> AskAsync(string command, TimeSpan atMost)
    {
        using var limit = new CancellationTokenSource(atMost, TimeProvider.System);
        using var socket = new TcpClient();
        await socket.ConnectAsync("127.0.0.1", Port, limit.Token);
        NetworkStream stream = socket.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes(command), limit.Token);
        using var reader = new StreamReader(stream);
        return await reader.ReadToEndAsync(limit.Token);
    }

    private async Task RestartWithAsync(Func<long, Task> write)
    {
        const string prefix = "Zxid: 0x";
        string zxid = (await AskAsync("srvr")).Split('\n').Single(line => line.StartsWith(prefix, StringComparison.Ordinal))[prefix.Length..];
        await StopAsync();
        // Beyond what sessions that ended in between may have written.
        await write(long.Parse(zxid, NumberStyles.HexNumber, CultureInfo.InvariantCulture) + 1_000);
        await StartAsync();
    }

    private async Task SignalAsync(string signal)
    {
        using Process kill = Process.Start("sh", ["-c", "kill -$0 $1", signal, $"{_processId}"]);
        await kill.WaitForExitAsync();
        if (kill.ExitCode != 0)
        {
            throw new InvalidOperationException($"Signal {signal} could not be sent to ZooKeeper, process {_processId}.\n{LogTail()}");
        }
    }
}
