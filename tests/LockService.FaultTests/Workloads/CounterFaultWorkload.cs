using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using LockService.FaultTests.Nemeses;
using LockService.Testing.Histories;

namespace LockService.FaultTests.Workloads;

/// <summary>
/// Clients who add one to counters: some under keys, again and again until they know that it is done, through several instances at once now and
/// then; others, on other counters, once and without a key. All of them read, too.
/// </summary>
internal sealed class CounterFaultWorkload(ServiceCaller caller, long start, int seed) : IWorkload
{
    private const int Counters = 4;
    private const int KeyedWorkers = 20;
    private const int PlainWorkers = 14;

    private readonly CounterHistory _history = new(start);
    private readonly ConcurrentDictionary<string, int> _unknown = new();
    private readonly ConcurrentDictionary<string, long> _last = new();
    private int _keys;

    public string Name => "counters";

    public long Operations => caller.Operations;

    public IReadOnlyDictionary<string, int> Unknown => _unknown;

    private static IEnumerable<string> Names => Enumerable.Range(0, Counters).SelectMany(number => new[] { Keyed(number), Plain(number) });

    public async Task RunAsync(CancellationToken stop)
    {
        using var patience = new Patience(stop);
        await Task.WhenAll(Enumerable.Range(0, KeyedWorkers + PlainWorkers).Select(worker => WorkAsync(worker, new Random(seed + worker), stop, patience.Over)));
    }

    public async Task<bool> HasSettledAsync()
    {
        foreach (string name in Names)
        {
            if (await ReadAsync(0, name) is not { } value)
            {
                return false;
            }

            _last[name] = value;
        }

        return true;
    }

    public IReadOnlyList<CheckReport> Check(FaultTimeline faults) => [CounterChecker.Check(_history, _last), LockFaultWorkload.Answers(caller)];

    private static string Keyed(int number) => $"keyed-{number}";

    private static string Plain(int number) => $"plain-{number}";

    private async Task WorkAsync(int worker, Random random, CancellationToken stop, CancellationToken giveUp)
    {
        while (!stop.IsCancellationRequested)
        {
            int number = random.Next(Counters);
            int instance = random.Next(caller.Count);
            if (random.Next(10) == 0)
            {
                await ReadAsync(instance, random.Next(2) == 0 ? Keyed(number) : Plain(number));
            }
            else if (worker < KeyedWorkers)
            {
                await IncrementUnderKeyAsync(instance, Keyed(number), copies: random.Next(30) == 0 ? 2 : 1, giveUp);
            }
            else
            {
                await IncrementAsync(instance, Plain(number));
            }

            await Task.Delay(TimeSpan.FromMilliseconds(random.Next(20, 80)), TimeProvider.System, CancellationToken.None);
        }
    }

    private async Task IncrementUnderKeyAsync(int instance, string name, int copies, CancellationToken giveUp)
    {
        string key = string.Create(CultureInfo.InvariantCulture, $"increment-{Interlocked.Increment(ref _keys)}");
        TimeSpan invoked = _history.Now;
        SettledReply[] settled = await Task.WhenAll(
            Enumerable.Range(0, copies).Select(copy => caller.SettleAsync(instance + copy, Path(name), new { }, key, giveUp)));
        CounterOperation operation = Operation(name, invoked);
        CallOutcome[] outcomes = [.. settled.Select(one => caller.Judge(one.Reply, operation))];
        Reply[] done = [.. settled.Zip(outcomes).Where(one => one.Second == CallOutcome.Done).Select(one => one.First.Reply!)];
        bool isDone = done.Length > 0;
        bool isRefused = outcomes.All(outcome => outcome == CallOutcome.Refused);
        _history.Add(operation with
        {
            Outcome = isDone ? CallOutcome.Done : isRefused ? CallOutcome.Refused : CallOutcome.Unknown,
            Values = [.. done.Select(reply => reply.Number("value"))],
        });
        if (settled.Any(one => one.WasOpen))
        {
            Count(isDone ? "repeated, done" : isRefused ? "repeated, refused" : "left open");
        }
    }

    private async Task IncrementAsync(int instance, string name)
    {
        TimeSpan invoked = _history.Now;
        Reply? reply = await caller.PostAsync(instance, Path(name), new { });
        CounterOperation operation = Operation(name, invoked);
        CallOutcome outcome = caller.Judge(reply, operation);
        _history.Add(operation with { Outcome = outcome, Values = outcome == CallOutcome.Done ? [reply!.Number("value")] : [] });
        if (outcome == CallOutcome.Unknown)
        {
            Count("left open");
        }
    }

    /// <returns>Null if nobody could tell.</returns>
    private async Task<long?> ReadAsync(int instance, string name)
    {
        TimeSpan invoked = _history.Now;
        Reply? reply = await caller.GetAsync(instance, $"/v1/counters/{name}");
        CounterOperation operation = Operation(name, invoked) with { IsRead = true };
        // One that does not exist yet has 0.
        long? value = reply?.Status == HttpStatusCode.NotFound ? 0
            : caller.Judge(reply, operation) == CallOutcome.Done ? reply!.Number("value")
            : null;
        if (value is { } told)
        {
            _history.Add(operation with { Outcome = CallOutcome.Done, Values = [told] });
        }

        return value;
    }

    private static string Path(string name) => $"/v1/counters/{name}/increment";

    private CounterOperation Operation(string name, TimeSpan invoked) =>
        new() { Counter = name, Invoked = invoked, Completed = _history.Now, Outcome = CallOutcome.Unknown };

    private void Count(string how) => _unknown.AddOrUpdate(how, 1, (_, count) => count + 1);
}
