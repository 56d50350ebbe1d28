using System.Collections.Immutable;

namespace LockService.Testing.Histories;

/// <summary>How many clients do what to how many locks.</summary>
public sealed record LockLoad
{
    /// <summary>Clients. Default 60.</summary>
    public int Workers { get; init; } = 60;

    /// <summary>Clients who look at queues. Default 3.</summary>
    public int Onlookers { get; init; } = 3;

    /// <summary>How long an onlooker looks away, in milliseconds. Default 5.</summary>
    public int LooksEveryMs { get; init; } = 5;

    /// <summary>Locks. Default 20.</summary>
    public int Locks { get; init; } = 20;

    /// <summary>What their names begin with, and those of their callers. Default "lock".</summary>
    public string Prefix { get; init; } = "lock";

    /// <summary>The shortest lease, in milliseconds. Default 500.</summary>
    public int ShortestTtlMs { get; init; } = 500;

    /// <summary>The longest lease, in milliseconds. Default 1,500.</summary>
    public int LongestTtlMs { get; init; } = 1_500;

    /// <summary>How many of a hundred holders renew their leases for a while. Default 8.</summary>
    public int Renewing { get; init; } = 8;

    /// <summary>How many of a hundred holders renew twice at the same time. Default 5.</summary>
    public int RenewingTwice { get; init; } = 5;

    /// <summary>How many of a hundred holders come back when their leases are over. Default 6.</summary>
    public int Late { get; init; } = 6;

    /// <summary>How many of a hundred holders never release. Default 6.</summary>
    public int Vanishing { get; init; } = 6;
}

/// <summary>
/// Clients of all manners on a few locks: in both modes, with and without waiting, who hang up, come back under the same key, renew through other
/// instances and at the same time, forget to renew, and write and release when it is too late. What they do follows from the seed; when, does not.
/// </summary>
/// <param name="caller">The way to the instances.</param>
/// <param name="history">Where everything is recorded.</param>
/// <param name="load">How much of it.</param>
/// <param name="seed">Decides who does what.</param>
public sealed class LockWorkload(ServiceCaller caller, LockHistory history, LockLoad load, int seed)
{
    private readonly RecordingClient _client = new(caller, history, $"{load.Prefix}-caller");
    private readonly FencedStore[] _fenced = NewStores(load.Locks, fenced: true);
    private readonly FencedStore[] _unfenced = NewStores(load.Locks, fenced: false);
    private int _done;
    private CancellationToken _giveUp;

    /// <summary>The names of the locks.</summary>
    public IEnumerable<string> Names => Enumerable.Range(0, load.Locks).Select(Name);

    /// <summary>What the fenced stores lost.</summary>
    public IEnumerable<string> Lost => _fenced.SelectMany(store => store.Violations());

    /// <summary>What stores without a fence lost that were used in the same way.</summary>
    public IEnumerable<string> LostWithoutFence => _unfenced.SelectMany(store => store.Violations());

    /// <summary>Writes that the fenced stores acknowledged.</summary>
    public int Acknowledged => _fenced.Sum(store => store.Acknowledged);

    /// <summary>Runs until about so many operations are done.</summary>
    public Task RunAsync(int operations) => RunAsync(() => Volatile.Read(ref _done) >= operations);

    /// <summary>Runs until it is told to stop, and then until every operation is settled that can be.</summary>
    /// <param name="stop">When to begin nothing new.</param>
    /// <param name="giveUp">When to leave open what could not be settled until then.</param>
    public Task RunAsync(CancellationToken stop, CancellationToken giveUp)
    {
        _giveUp = giveUp;
        return RunAsync(() => stop.IsCancellationRequested);
    }

    private async Task RunAsync(Func<bool> isOver)
    {
        using var over = new CancellationTokenSource();
        Task[] onlookers = [.. Enumerable.Range(0, load.Onlookers).Select(i => LookAsync(new Random(seed - 1 - i), over.Token))];
        await Task.WhenAll(Enumerable.Range(0, load.Workers).Select(i => WorkAsync(new Random((seed * load.Workers) + i), isOver)));
        await over.CancelAsync();
        await Task.WhenAll(onlookers);
    }

    private async Task WorkAsync(Random random, Func<bool> isOver)
    {
        while (!isOver())
        {
            int number = NextLock(random);
            LockOperation grant = await AcquireAsync(random, number);
            if (grant.Outcome == CallOutcome.Done)
            {
                await HoldAsync(random, number, grant);
            }
            else if (grant is { HungUp: null, Status: 0 or >= 500 })
            {
                await PauseAsync(Between(random, 50, 250));
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
            Ttl = Between(random, load.ShortestTtlMs, load.LongestTtlMs),
            Wait = wait,
        };
        Interlocked.Increment(ref _done);
        int instance = random.Next(caller.Count);
        return random.Next(100) switch
        {
            < 10 => await _client.AcquireAsync(instance, wanted, patience: Between(random, 0, 300)),
            < 13 => await _client.AcquireInsistentlyAsync(instance, wanted, patience: Between(random, 0, 100), _giveUp),
            _ => await _client.AcquireAsync(instance, wanted, patience: null),
        };
    }

    private async Task HoldAsync(Random random, int number, LockOperation grant)
    {
        ImmutableList<long>? read = grant.Shared ? null : _fenced[number].Read(grant.Token);
        ImmutableList<long>? readWithoutFence = grant.Shared ? null : _unfenced[number].Read(grant.Token);
        int manner = random.Next(100);
        bool releases = true;
        if ((manner -= load.Renewing) < 0)
        {
            await RenewAtTimesAsync(random, grant);
        }
        else if ((manner -= load.RenewingTwice) < 0)
        {
            await Task.WhenAll(CallAsync(random, LockCall.Renew, grant), CallAsync(random, LockCall.Renew, grant));
        }
        else if ((manner -= load.Late) < 0)
        {
            await PauseAsync(grant.Deadline - history.Now + Between(random, 0, 600));
        }
        else if ((manner - load.Vanishing) < 0)
        {
            releases = false;
        }
        else
        {
            await PauseAsync(Between(random, 0, 15));
        }

        if (read is not null)
        {
            _fenced[number].Write(grant.Token, read);
        }

        if (readWithoutFence is not null)
        {
            _unfenced[number].Write(grant.Token, readWithoutFence);
        }

        if (releases)
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
        int instance = random.Next(caller.Count);
        return call == LockCall.Release && random.Next(5) == 0
            ? _client.ReleaseInsistentlyAsync(instance, grant, _giveUp)
            : _client.CallAsync(instance, call, grant);
    }

    private async Task LookAsync(Random random, CancellationToken over)
    {
        while (!over.IsCancellationRequested)
        {
            await _client.LookAsync(random.Next(caller.Count), Name(NextLock(random)));
            await PauseAsync(TimeSpan.FromMilliseconds(load.LooksEveryMs));
        }
    }

    /// <summary>The first ones are in demand.</summary>
    private int NextLock(Random random) => Math.Min(random.Next(load.Locks), random.Next(load.Locks));

    private string Name(int number) => $"{load.Prefix}-{number}";

    private static TimeSpan Between(Random random, int least, int most) => TimeSpan.FromMilliseconds(random.Next(least, most));

    private static Task PauseAsync(TimeSpan time) => time > TimeSpan.Zero ? Task.Delay(time, TimeProvider.System) : Task.CompletedTask;

    private static FencedStore[] NewStores(int count, bool fenced) => [.. Enumerable.Range(0, count).Select(_ => new FencedStore(fenced))];
}
