namespace LockService.Testing;

/// <summary>How a <see cref="ZooKeeperServer"/> of a test is set up.</summary>
public sealed record ZooKeeperServerOptions
{
    /// <summary>Length of a tick; sessions expire on ticks. Default 500 ms.</summary>
    public int TickTimeMs { get; init; } = 500;

    /// <summary>Further lines of <c>zoo.cfg</c>, such as <c>maxClientCnxns=1</c>; they win over the lines written by default.</summary>
    public IReadOnlyDictionary<string, string> Config { get; init; } = new Dictionary<string, string>();

    /// <summary>Further Java system properties, such as <c>znode.container.checkIntervalMs</c>.</summary>
    public IReadOnlyDictionary<string, string> SystemProperties { get; init; } = new Dictionary<string, string>();

    /// <summary>Arguments of the JVM. Default: small, and quick to start rather than quick.</summary>
    public IReadOnlyList<string> JvmArguments { get; init; } = ["-Xms64m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"];

    /// <summary>Makes the server listen on <see cref="ZooKeeperServer.SecurePort"/> too; both sides need a certificate from there. Default: none.</summary>
    public CertificateAuthority? Authority { get; init; }

    /// <summary>Users and passwords of SASL DIGEST-MD5. Default: none, and the server does not have SASL.</summary>
    public IReadOnlyDictionary<string, string> SaslUsers { get; init; } = new Dictionary<string, string>();

    /// <summary>Nodes that a new server has from the start, parents first, the same on all members of an ensemble. Default: none.</summary>
    public IReadOnlyList<PreparedNode> Nodes { get; init; } = [];

    /// <summary>Writes them into the log of a server that has never run.</summary>
    internal async Task WriteNodesAsync(string dataDirectory)
    {
        if (Nodes.Count > 0)
        {
            Directory.CreateDirectory(Path.Combine(dataDirectory, "version-2"));
        }

        for (int i = 0; i < Nodes.Count; i++)
        {
            await TransactionLog.WriteCreateAsync(dataDirectory, i + 1, Nodes[i]);
        }
    }

    /// <summary>The settings with what only the server's own place can tell: its files and its second port.</summary>
    internal async Task<ZooKeeperServerOptions> WithSecurityAsync(string directory, int securePort)
    {
        var config = new Dictionary<string, string>(Config);
        var properties = new Dictionary<string, string>(SystemProperties);
        if (Authority is not null)
        {
            foreach ((string key, string value) in await ServerSecurity.WriteTlsAsync(directory, securePort, Authority))
            {
                config[key] = value;
            }
        }

        if (SaslUsers.Count > 0)
        {
            config["authProvider.sasl"] = "org.apache.zookeeper.server.auth.SASLAuthenticationProvider";
            properties["java.security.auth.login.config"] = await ServerSecurity.WriteSaslAsync(directory, SaslUsers);
        }

        return this with { Config = config, SystemProperties = properties };
    }

    internal string[] ConfigLines(int port, string dataDirectory)
    {
        var lines = new Dictionary<string, string>
        {
            ["tickTime"] = $"{TickTimeMs}",
            ["minSessionTimeout"] = "1000",
            ["maxSessionTimeout"] = "60000",
            ["dataDir"] = dataDirectory,
            ["clientPort"] = $"{port}",
            ["clientPortAddress"] = "127.0.0.1",
            ["maxClientCnxns"] = "0",
            ["admin.enableServer"] = "false",
            ["4lw.commands.whitelist"] = "*",
        };
        foreach ((string key, string value) in Config)
        {
            lines[key] = value;
        }

        return [.. lines.Select(line => $"{line.Key}={line.Value}")];
    }

    internal IEnumerable<string> JavaArguments(string configFile)
    {
        var properties = new Dictionary<string, string>
        {
            ["zookeeper.extendedTypesEnabled"] = "true",
            // Killing the process loses nothing of the page cache, so that waiting for the disk would only slow the tests down.
            ["zookeeper.forceSync"] = "no",
            // Kilobytes; the default makes every log file 64 MiB large.
            ["zookeeper.preAllocSize"] = "1024",
            ["org.slf4j.simpleLogger.showDateTime"] = "true",
            ["org.slf4j.simpleLogger.dateTimeFormat"] = "yyyy-MM-dd HH:mm:ss.SSS",
        };
        if (Nodes.Count > 0)
        {
            // A log without a snapshot is taken for a lost snapshot otherwise.
            properties["zookeeper.snapshot.trust.empty"] = "true";
        }

        foreach ((string key, string value) in SystemProperties)
        {
            properties[key] = value;
        }

        return
        [
            .. JvmArguments,
            .. properties.Select(property => $"-D{property.Key}={property.Value}"),
            "-cp",
            ClassPath(),
            "org.apache.zookeeper.server.quorum.QuorumPeerMain",
            configFile,
        ];
    }

    /// <summary>
    /// Debian's <c>zookeeper.jar</c> names its dependencies in its manifest, except for a logger's back end and two parts of Netty
    /// that only its TLS port needs. <c>LOCKSERVICE_ZOOKEEPER_JARS</c> is a directory whose jars come before these: those of another version.
    /// </summary>
    private static string ClassPath()
    {
        const string directory = "/usr/share/java";
        string[] jars = ["zookeeper.jar", "slf4j-simple.jar", "netty-codec.jar", "netty-resolver.jar"];
        string server = Path.Combine(directory, jars[0]);
        if (!File.Exists(server))
        {
            throw new FileNotFoundException($"{server} is missing: install Debian's packages libzookeeper-java and default-jre-headless.");
        }

        // The generated records come first: a server's manifest names Debian's, and what it names comes right after it.
        string[] others = Environment.GetEnvironmentVariable("LOCKSERVICE_ZOOKEEPER_JARS") is { Length: > 0 } given
            ? [.. Directory.GetFiles(given, "zookeeper-jute*.jar").Concat(Directory.GetFiles(given, "*.jar")).Distinct()]
            : [];
        return string.Join(':', [.. others, .. jars.Select(jar => Path.Combine(directory, jar))]);
    }
}
