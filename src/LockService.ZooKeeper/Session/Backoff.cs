namespace LockService.ZooKeeper.Session;

/// <summary>
/// How long to wait before the next attempt to connect: not at all after a connection that lasted, little between different servers,
/// and ever longer from round to round, so that neither an outage nor a server that accepts and drops us causes a storm of attempts.
/// </summary>
/// <remarks>
/// Rounds alone do not prevent one: an ensemble that elects over and over drops connections that have lasted, and a round of many servers is
/// many attempts. So attempts have an account besides. It holds enough to look at every server twice in quick succession, and
/// earns one attempt in 1.2 to 1.6 s: over a minute, the account included, no more than one a second.
/// </remarks>
internal sealed class Backoff(TimeProvider clock)
{
    /// <summary>Attempts that may follow each other quickly after a quiet time.</summary>
    internal const int Account = 8;

    /// <summary>A connection that lasted as long as this was in order; what ended it says nothing about the next one.</summary>
    private static readonly TimeSpan s_lasting = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan s_first = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan s_longest = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan s_leastPerAttempt = TimeSpan.FromSeconds(1.2);
    private static readonly TimeSpan s_mostPerAttempt = TimeSpan.FromSeconds(1.6);
    private int _rounds;
    private double _balance = Account;
    private long _balancedAt = clock.GetTimestamp();

    /// <summary>The pause after an attempt.</summary>
    /// <param name="lasted">How long the connection was in use; zero if it never was.</param>
    /// <param name="roundEnded">Whether all servers have had their turn.</param>
    internal TimeSpan After(TimeSpan lasted, bool roundEnded)
    {
        TimeSpan pause = OfRound(lasted, roundEnded);
        TimeSpan earning = UntilEarned();
        return pause > earning ? pause : earning;
    }

    private TimeSpan OfRound(TimeSpan lasted, bool roundEnded)
    {
        if (lasted >= s_lasting)
        {
            _rounds = 0;
            return TimeSpan.Zero;
        }

        if (!roundEnded)
        {
            return TimeSpan.FromMilliseconds(Random.Shared.Next(10, 100));
        }

        TimeSpan pause = s_first * Math.Pow(2, _rounds);
        if (pause >= s_longest)
        {
            pause = s_longest;
        }
        else
        {
            _rounds++;
        }

        // At least half of it, at random, so that the clients of a server that restarts do not all come at once.
        return pause * (0.5 + (Random.Shared.NextDouble() / 2));
    }

    /// <summary>Takes the next attempt from the account, which may go below zero: that is the time to wait for.</summary>
    private TimeSpan UntilEarned()
    {
        TimeSpan perAttempt = s_leastPerAttempt + ((s_mostPerAttempt - s_leastPerAttempt) * Random.Shared.NextDouble());
        _balance = Math.Min(Account, _balance + (clock.GetElapsedTime(_balancedAt) / perAttempt)) - 1;
        _balancedAt = clock.GetTimestamp();
        return _balance < 0 ? perAttempt * -_balance : TimeSpan.Zero;
    }
}
