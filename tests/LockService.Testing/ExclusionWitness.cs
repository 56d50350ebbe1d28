using Xunit;

namespace LockService.Testing;

/// <summary>Stands for the resource that a lock protects: fails a test when two are inside at once, or a fencing token does not rise.</summary>
public sealed class ExclusionWitness
{
    private readonly Lock _gate = new();
    private bool _inside;
    private long _lastToken;

    /// <summary>How often somebody was inside.</summary>
    public int Entered { get; private set; }

    /// <summary>Call between the grant and the release.</summary>
    public void Enter(long fencingToken)
    {
        lock (_gate)
        {
            Assert.False(_inside, $"token {fencingToken} holds the lock together with token {_lastToken}");
            Assert.True(fencingToken > _lastToken, $"token {fencingToken} was granted after token {_lastToken}");
            (_inside, _lastToken) = (true, fencingToken);
            Entered++;
        }
    }

    /// <summary>The same for a holder that took the lock past the service: it has no token.</summary>
    public void EnterWithoutToken()
    {
        lock (_gate)
        {
            Assert.False(_inside, $"somebody holds the lock together with token {_lastToken}");
            _inside = true;
            Entered++;
        }
    }

    /// <summary>Call before the release is sent.</summary>
    public void Leave()
    {
        lock (_gate)
        {
            _inside = false;
        }
    }
}
