namespace LockService.ZooKeeper.Session;

/// <summary>A server closed the connection instead of answering the first frame, which may mean several things.</summary>
internal sealed class SilentRefusalException(Exception cause) : IOException(
    "The server closed the connection without an answer: it is not serving, or has too many connections from here (maxClientCnxns), or its data is older than what this session has seen, or it expects TLS or a client certificate.",
    cause);

/// <summary>
/// Notices when nothing but silent refusals has come for longer than a session lasts. Servers refuse like that for ever when their data
/// is older than what the session has seen, as after a restore from a backup; no retry helps then, and going on with a new session
/// would hide that acknowledged changes are lost.
/// </summary>
internal sealed class SilentRefusals(TimeProvider clock)
{
    private long? _since;
    private bool _raised;

    /// <summary>Something else came: an answer, or no connection at all, in which case the server in question may be the one that is up to date.</summary>
    internal void Reset() => (_since, _raised) = (null, false);

    /// <returns>True once per series: the time for an alarm.</returns>
    internal bool Add(TimeSpan sessionTimeout)
    {
        _since ??= clock.GetTimestamp();
        if (_raised || clock.GetElapsedTime(_since.Value) < sessionTimeout)
        {
            return false;
        }

        _raised = true;
        return true;
    }
}
