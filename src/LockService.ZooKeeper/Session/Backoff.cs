namespace LockService.ZooKeeper.Session;

/// <summary>
/// How long to wait before the next attempt to connect: not at all after a connection that lasted, little between different servers,
/// and ever longer from round to round, so that neither an outage nor a server that accepts and drops us causes a storm of attempts.
/// </summary>
internal sealed class Backoff
{
    /// <summary>A connection that lasted as long as this was in order; what ended it says nothing about the next one.</summary>
    private static readonly TimeSpan s_lasting = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan s_first = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan s_longest = TimeSpan.FromSeconds(2);
    private int _rounds;

    /// <summary>The pause after an attempt.</summary>
    /// <param name="lasted">How long the connection was in use; zero if it never was.</param>
    /// <param name="roundEnded">Whether all servers have had their turn.</param>
    internal TimeSpan After(TimeSpan lasted, bool roundEnded)
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
}
