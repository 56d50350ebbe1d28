namespace LockService.ZooKeeper.Session;

/// <summary>A server closed the connection instead of answering the first frame, which may mean several things.</summary>
internal sealed class SilentRefusalException(Exception cause) : IOException(
    "The server closed the connection without an answer: it is not serving, or has too many connections from here (maxClientCnxns), or its data is older than what this session has seen, or it expects TLS or a client certificate.",
    cause);

/// <summary>A server closed the connection instead of answering a credential: some refuse like that, and one that just ends does too.</summary>
internal sealed class CredentialIgnoredException(string reason, Exception cause) : IOException($"Perhaps a refusal: {reason}.", cause)
{
    internal string Reason => reason;
}

/// <summary>
/// Notices when nothing but silent refusals has come for longer than a session lasts. Servers refuse like that for ever when their data
/// is older than what the session has seen, as after a restore from a backup; no retry helps then, and going on with a new session
/// would hide that acknowledged changes are lost.
/// </summary>
internal sealed class SilentRefusals(TimeProvider clock)
{
    /// <summary>
    /// Closed connections at the moment of an authentication that are taken for a refusal. An ending server closes one, or by bad luck
    /// two; trying for ever would never tell the operator of a wrong password.
    /// </summary>
    private const int CredentialsIgnored = 3;

    private long? _since;
    private bool _raised;
    private int _ignored;

    /// <summary>Something else came: an answer, or no connection at all, in which case the server in question may be the one that is up to date.</summary>
    internal void Reset() => (_since, _raised) = (null, false);

    /// <summary>An authentication was answered, so that what was ignored before was no refusal.</summary>
    internal void CredentialAccepted() => _ignored = 0;

    /// <returns>True if it has happened so often, without an accepted one in between, that it is a refusal.</returns>
    internal bool AddIgnoredCredential() => ++_ignored >= CredentialsIgnored;

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
