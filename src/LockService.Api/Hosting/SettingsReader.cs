using System.Globalization;
using LockService.Recipes;
using LockService.ZooKeeper;

namespace LockService.Api.Hosting;

/// <summary>
/// Reads the settings from configuration and collects every mistake: a value out of its range, and a setting nobody knows, which is
/// most often a misspelt one.
/// </summary>
internal sealed class SettingsReader
{
    private readonly IConfigurationSection _section;
    private readonly List<string> _mistakes = [];
    private readonly HashSet<string> _known = new(StringComparer.OrdinalIgnoreCase);

    private SettingsReader(IConfiguration configuration) => _section = configuration.GetSection(ApiOptions.Section);

    /// <exception cref="StartupException">There are mistakes; it lists them all.</exception>
    internal static ApiOptions Read(IConfiguration configuration)
    {
        var reader = new SettingsReader(configuration);
        ApiOptions options = reader.ReadOptions();
        reader.ReportUnknown();
        reader.CheckUrls(configuration["urls"]);
        return reader._mistakes.Count == 0 ? options : throw new StartupException(reader._mistakes);
    }

    private ApiOptions ReadOptions()
    {
        var defaults = new ApiOptions();
        CoordinationOptions store = defaults.Coordination;
        var security = new SecuritySettings(Text, AddMistake);
        TlsOptions? tls = security.ReadTls();
        return new ApiOptions
        {
            Coordination = new CoordinationOptions
            {
                ZooKeeper = ReadServers("ZooKeeper", store.ZooKeeper),
                Tls = tls,
                Credentials = security.ReadCredentials(encrypted: tls is not null),
                Root = ReadRoot("Root", store.Root),
                SessionTimeout = ReadMilliseconds("SessionTimeoutMs", store.SessionTimeout, 1_000, 60_000),
                StoreDeadline = ReadMilliseconds("StoreDeadlineMs", store.StoreDeadline, 100, 60_000),
                ExpiringSoonPercent = (int)ReadInteger("ExpiringSoonPercent", store.ExpiringSoonPercent, 1, 90),
                MaxWaiters = (int)ReadInteger("MaxWaiters", store.MaxWaiters, 1, 10_000),
                SnapshotTime = ReadMilliseconds("SnapshotTimeMs", store.SnapshotTime, 0, 600_000),
                SweepInterval = ReadMilliseconds("SweepIntervalMs", store.SweepInterval, 1_000, 3_600_000),
                ExpiriesPerSecond = (int)ReadInteger("ExpiriesPerSecond", store.ExpiriesPerSecond, 40, 40_000),
                IdempotencyRetention = ReadMilliseconds("IdempotencyRetentionMs", store.IdempotencyRetention, 600_000, 86_400_000),
                IdempotencySweepInterval = ReadMilliseconds("IdempotencySweepIntervalMs", store.IdempotencySweepInterval, 1_000, 3_600_000),
            },
            MaxConnections = ReadInteger("MaxConnections", defaults.MaxConnections, 1, 1_000_000),
            DrainDelay = ReadMilliseconds("DrainDelayMs", defaults.DrainDelay, 0, 5_000),
        };
    }

    private ConnectString ReadServers(string key, ConnectString fallback)
    {
        if (Text(key) is not { } text)
        {
            return fallback;
        }

        try
        {
            return ConnectString.Parse(text);
        }
        catch (FormatException e)
        {
            AddMistake(key, e.Message);
            return fallback;
        }
    }

    private string ReadRoot(string key, string fallback)
    {
        string root = Text(key) ?? fallback;
        if (!NodePath.IsValid(root) || root == "/")
        {
            AddMistake(key, $"'{root}' is not a node path below '/', such as /lockservice.");
        }

        return root;
    }

    private TimeSpan ReadMilliseconds(string key, TimeSpan fallback, long min, long max) =>
        TimeSpan.FromMilliseconds(ReadInteger(key, (long)fallback.TotalMilliseconds, min, max));

    private long ReadInteger(string key, long fallback, long min, long max)
    {
        if (Text(key) is not { } text)
        {
            return fallback;
        }

        if (!long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long value) || value < min || value > max)
        {
            AddMistake(key, FormattableString.Invariant($"'{text}' is not an integer from {min} to {max}."));
            return fallback;
        }

        return value;
    }

    private string? Text(string key)
    {
        _known.Add(key);
        return _section[key];
    }

    private void ReportUnknown()
    {
        foreach (IConfigurationSection child in _section.GetChildren().Where(child => !_known.Contains(child.Key)))
        {
            AddMistake(child.Key, $"there is no such setting; known are {string.Join(", ", _known.Order(StringComparer.Ordinal))}.");
        }
    }

    private void CheckUrls(string? urls)
    {
        foreach (string url in (urls ?? "").Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            try
            {
                if (BindingAddress.Parse(url).Port is >= 0 and <= 65535)
                {
                    continue;
                }
            }
            catch (FormatException)
            {
                // Told below.
            }

            _mistakes.Add($"urls: '{url}' is not an address to listen on, such as http://127.0.0.1:8080.");
        }
    }

    private void AddMistake(string key, string message) => _mistakes.Add($"{ApiOptions.Section}:{key}: {message}");
}
