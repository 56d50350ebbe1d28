using LockService.FaultTests.Nemeses;
using LockService.Testing.Histories;

namespace LockService.FaultTests.Workloads;

/// <summary>
/// Clients who take two to four of six locks at once, in any order and in both modes, among others who take one of them.
/// </summary>
internal sealed class MultiLockFaultWorkload : IWorkload
{
    private const int Workers = 10;

    /// <summary>Of those who take one lock.</summary>
    private static readonly LockLoad s_singles = new()
    {
        Prefix = "multi",
        Locks = 6,
        Workers = 6,
        Onlookers = 0,
        ShortestTtlMs = 1_000,
        LongestTtlMs = 4_000,
        Renewing = 2,
        RenewingTwice = 2,
        Late = 1,
        Vanishing = 1,
    };

    /// <summary>Who waits for several locks, and who stands behind him, does not get one as soon as its lease has ended, if another one is held.</summary>
    private static readonly TimeSpan s_mostOvershoot = TimeSpan.MaxValue;

    private readonly ServiceCaller _caller;
    private readonly ServerLogs _logs;
    private readonly int _seed;
    private readonly LockHistory _history;
    private readonly LockWorkload _singles;
    private readonly MultiLockClient _client;

    internal MultiLockFaultWorkload(ServiceCaller caller, ServerLogs logs, long start, int seed)
    {
        _caller = caller;
        _logs = logs;
        _seed = seed;
        _history = new LockHistory(start);
        _singles = new LockWorkload(caller, _history, s_singles, seed);
        _client = new MultiLockClient(caller, _history);
    }

    public string Name => "multilocks";

    public long Operations => _caller.Operations;

    public IReadOnlyDictionary<string, int> Unknown => OpenLockCalls.Of(_history);

    public async Task RunAsync(CancellationToken stop)
    {
        using var patience = new Patience(stop);
        await Task.WhenAll([
            _singles.RunAsync(stop, patience.Over),
            .. Enumerable.Range(0, Workers).Select(worker => WorkAsync(new Random(_seed + worker), stop, patience.Over)),
        ]);
    }

    public Task<bool> HasSettledAsync() => LockFaultWorkload.AreFreeAsync(_caller, _singles.Names);

    public IReadOnlyList<CheckReport> Check(FaultTimeline faults) =>
    [
        ExclusionChecker.Check(_history), TokenChecker.Check(_history), LeaseChecker.Check(_history, s_mostOvershoot), _logs.Check(_history),
        LockFaultWorkload.Answers(_caller),
    ];

    private async Task WorkAsync(Random random, CancellationToken stop, CancellationToken giveUp)
    {
        string[] names = [.. _singles.Names];
        while (!stop.IsCancellationRequested)
        {
            random.Shuffle(names);
            (string, bool)[] wanted = [.. names.Take(random.Next(2, 5)).Select(name => (name, random.Next(10) < 3))];
            TimeSpan wait = random.Next(4) == 0 ? TimeSpan.Zero : Between(random, 200, 4_000);
            MultiLease? lease = await _client.AcquireAsync(
                random.Next(_caller.Count), wanted, Between(random, 1_000, 4_000), wait, insists: random.Next(5) == 0, giveUp);
            if (lease is null)
            {
                await PauseAsync(Between(random, 20, 150));
                continue;
            }

            await HoldAsync(random, lease, giveUp);
        }
    }

    private async Task HoldAsync(Random random, MultiLease lease, CancellationToken giveUp)
    {
        switch (random.Next(100))
        {
            case < 4:
                await PauseAsync(lease.Grants[0].Ttl / 2);
                await _client.RenewAsync(random.Next(_caller.Count), lease);
                break;
            case < 7:
                await Task.WhenAll(_client.RenewAsync(random.Next(_caller.Count), lease), _client.RenewAsync(random.Next(_caller.Count), lease));
                break;
            case < 9:
                await PauseAsync(lease.Deadline - _history.Now + Between(random, 0, 600));
                break;
            case < 11:
                // It vanishes.
                return;
            default:
                await PauseAsync(Between(random, 0, 15));
                break;
        }

        await _client.ReleaseAsync(random.Next(_caller.Count), lease, insists: random.Next(5) == 0, giveUp);
    }

    private static TimeSpan Between(Random random, int least, int most) => TimeSpan.FromMilliseconds(random.Next(least, most));

    private static Task PauseAsync(TimeSpan time) => time > TimeSpan.Zero ? Task.Delay(time, TimeProvider.System) : Task.CompletedTask;
}
