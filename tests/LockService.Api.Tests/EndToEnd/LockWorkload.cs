using System.Collections.Immutable;
using LockService.Testing.Histories;

namespace LockService.Api.Tests.EndToEnd;

/// <summary>
/// Clients of all manners on a few locks: in both modes, with and without waiting, who hang up, come back under the same key, renew through other
/// instances and at the same time, forget to renew, and write and release when it is too late. What they do follows from the seed; when, does not.
/// </summary>
internal sealed class LockWorkload(Cluster cluster, LockHistory history, int seed)
{
    private const int Workers = 60;
    private const int Onlookers = 3;
    private const int Locks = 20;
    private readonly RecordingClient _client = new(cluster, history);
    private readonly FencedStore[] _fenced = NewStores(fenced: true);
    private readonly FencedStore[] _unfenced = NewStores(fenced: false);
    private int _done;

    /// <summary>The names of the locks.</summary>
    internal static IEnumerable<string> Names => Enumerable.Range(0, Locks).Select(Name);

    /// <summary>What the fenced stores lost.</summary>
    internal IEnumerable<string> Lost => _fenced.SelectMany(store => store.Violations());

    /// <summary>What stores without a fence lost that were used in the same way.</summary>
    internal IEnumerable<string> LostWithoutFence => _unfenced.SelectMany(store => store.Violations());

    /// <summary>Runs until about so many operations are done.</summary>
    internal async Task RunAsync(int operations)
    {
        using var over = new CancellationTokenSource();
        Task[] onlookers = [.. Enumerable.Range(0, Onlookers).Select(i => LookAsync(new Random(seed - 1 - i), over.Token))];
        await Task.WhenAll(Enumerable.Range(0, Workers).Select(i => WorkAsync(new Random((seed * Workers) + i), operations)));
        await over.CancelAsync();
        await Task.WhenAll(onlookers);
    }

    private async Task WorkAsync(Random random, int operations)
    {
        while (Volatile.Read(ref _done) < operations)
        {
            int number = NextLock(random);
            LockOperation grant = await AcquireAsync(random, number);
            if (grant.Outcome == CallOutcome.Done)
            {
                await HoldAsync(random, number, grant);
            }
        }
    }

    private async Task<LockOperation> AcquireAsync(Random random, int number)
    {
        TimeSpan wait = random.Next(4) switch { 0 => TimeSpan.Zero, 1 => Between(random, 20, 500), _ => Between(random, 1_000, 5_000) };
        var wanted = new LockOperation
        {
            Call = LockCall.Acquire,
            Lock = Name(number),
            Invoked = default,
            Completed = default,
            Outcome = default,
            Shared = random.Next(10) < 3,
            Ttl = Between(random, 500, 1_500),
            Wait = wait,
        };
        Interlocked.Increment(ref _done);
        int instance = random.Next(cluster.Count);
        return random.Next(100) switch
        {
            < 10 => await _client.AcquireAsync(instance, wanted, patience: Between(random, 0, 300)),
            < 13 => await _client.AcquireInsistentlyAsync(instance, wanted, patience: Between(random, 0, 100)),
            _ => await _client.AcquireAsync(instance, wanted, patience: null),
        };
    }

    private async Task HoldAsync(Random random, int number, LockOperation grant)
    {
        ImmutableList<long>? read = grant.Shared ? null : _fenced[number].Read(grant.Token);
        ImmutableList<long>? readWithoutFence = grant.Shared ? null : _unfenced[number].Read(grant.Token);
        int manner = random.Next(100);
        if (manner < 75)
        {
            await PauseAsync(Between(random, 0, 15));
        }
        else if (manner < 83)
        {
            await RenewAtTimesAsync(random, grant);
        }
        else if (manner < 88)
        {
            await Task.WhenAll(CallAsync(random, LockCall.Renew, grant), CallAsync(random, LockCall.Renew, grant));
        }
        else if (manner < 94)
        {
            await PauseAsync(grant.Deadline - history.Now + Between(random, 0, 600));
        }

        if (read is not null)
        {
            _fenced[number].Write(grant.Token, read);
        }

        if (readWithoutFence is not null)
        {
            _unfenced[number].Write(grant.Token, readWithoutFence);
        }

        if (manner < 94)
        {
            await CallAsync(random, LockCall.Release, grant);
        }
    }

    private async Task RenewAtTimesAsync(Random random, LockOperation grant)
    {
        for (int i = random.Next(1, 4); i > 0; i--)
        {
            await PauseAsync(grant.Ttl / 3);
            await CallAsync(random, LockCall.Renew, grant);
        }
    }

    private Task<LockOperation> CallAsync(Random random, LockCall call, LockOperation grant)
    {
        Interlocked.Increment(ref _done);
        return _client.CallAsync(random.Next(cluster.Count), call, grant);
    }

    private async Task LookAsync(Random random, CancellationToken over)
    {
        while (!over.IsCancellationRequested)
        {
            await _client.LookAsync(random.Next(cluster.Count), Name(NextLock(random)));
            await PauseAsync(TimeSpan.FromMilliseconds(5));
        }
    }

    /// <summary>The first ones are in demand.</summary>
    private static int NextLock(Random random) => Math.Min(random.Next(Locks), random.Next(Locks));

    private static string Name(int number) => $"lock-{number}";

    private static TimeSpan Between(Random random, int least, int most) => TimeSpan.FromMilliseconds(random.Next(least, most));

    private static Task PauseAsync(TimeSpan time) => time > TimeSpan.Zero ? Task.Delay(time, TimeProvider.System) : Task.CompletedTask;

    private static FencedStore[] NewStores(bool fenced) => [.. Enumerable.Range(0, Locks).Select(_ => new FencedStore(fenced))];
}
