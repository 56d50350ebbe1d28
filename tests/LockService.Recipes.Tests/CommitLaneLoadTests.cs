using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using LockService.Recipes.Commit;
using LockService.Recipes.Sessions;
using LockService.Testing;
using LockService.ZooKeeper;
using Xunit;

namespace LockService.Recipes.Tests;

/// <summary>What lanes do when much is asked of them, and what they tell of it.</summary>
[Collection("another zookeeper")]
public sealed class CommitLaneLoadTests(ZooKeeperFixture zookeeper)
{
    private static readonly Deadline s_unlimited = new(long.MaxValue);

    [Fact]
    public async Task A_resource_whose_units_collide_travels_apart_and_costs_others_nothing()
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper);
        await instance.CommitAsync(Creation("/hot"));
        for (int i = 0; i < 3; i++)
        {
            Assert.Equal(ErrorCode.BadVersion, (await instance.CommitAsync(Collision())).Error);
        }

        int before = Multis(instance);
        Task<CommitResult>[] colliding = [.. Enumerable.Range(0, 10).Select(_ => instance.CommitAsync(Collision()))];
        Task<CommitResult>[] others = [.. Enumerable.Range(0, 10).Select(i => instance.CommitAsync(Creation($"/{i}")))];
        CommitResult[] results = await Task.WhenAll(others);
        await Task.WhenAll(colliding);

        Assert.All(results, result => Assert.True(result.Committed));
        string[] markers = [.. (await instance.Direct.GetChildrenAsync("/lockservice/commit"))!.Names.Order()];
        Assert.Equal(2, markers.Length);
        // What the common lane changed: the first creation, and at most two batches of the others; refusals change no marker.
        Assert.InRange((await instance.Direct.ExistsAsync($"/lockservice/commit/{markers[0]}"))!.Value.Version, 2, 3);
        Assert.InRange(Multis(instance) - before, 11, 14);
    }

    [Fact]
    public void A_contended_resource_is_forgiven_after_a_while()
    {
        var clock = new ManualClock();
        var resources = new ContendedResources(clock);
        resources.Note("r");
        resources.Note("r");
        Assert.False(resources.Contains("r"));

        resources.Note("r");
        Assert.True(resources.Contains("r"));
        Assert.False(resources.Contains("other"));

        clock.Advance(TimeSpan.FromSeconds(10));
        Assert.False(resources.Contains("r"));
        resources.Note("r");
        Assert.False(resources.Contains("r"));
    }

    [Fact]
    public void Memory_for_contended_resources_is_bounded()
    {
        var clock = new ManualClock();
        var resources = new ContendedResources(clock);
        for (int i = 0; i < 3_000; i++)
        {
            resources.Note($"{i % 1_500}");
            resources.Note($"{i % 1_500}");
        }

        Assert.True(resources.Contains("0"));
        Assert.False(resources.Contains("1400"));
        clock.Advance(TimeSpan.FromMinutes(1));
        for (int i = 0; i < 3; i++)
        {
            resources.Note("1400");
        }

        Assert.True(resources.Contains("1400"));
    }

    [Fact]
    public void Units_of_one_resource_are_taken_together_and_the_others_keep_their_order()
    {
        var queue = new UnitQueue(100, 1_000_000);
        string[] resources = ["a", "b", "a", "c", "b", "a"];
        PendingUnit[] units = [.. resources.Select(resource => new PendingUnit(Creation("/x", resource), long.MaxValue, 0))];
        Assert.All(units, unit => Assert.True(queue.TryAdd(unit)));

        Assert.Equal([units[0], units[2]], queue.TakeOneResource(2, 10_000));
        Assert.Equal([units[1], units[4]], queue.TakeOneResource(100, 10_000));
        Assert.Equal([units[3]], queue.TakeOneResource(100, 10_000));
        Assert.Equal([units[5]], queue.TakeOneResource(100, 10_000));
        Assert.Empty(queue.TakeOneResource(100, 10_000));
        Assert.True(queue.TryAdd(new PendingUnit(new CommitUnit("z").Create("/z", new byte[999_000], CreateMode.Persistent), long.MaxValue, 0)));
    }

    [Fact]
    public void A_unit_is_taken_however_many_before_it_were_given_up()
    {
        var queue = new UnitQueue(100, 1_000_000);
        string[] resources = ["a", "b", "c", "b"];
        PendingUnit[] units = [.. resources.Select(resource => new PendingUnit(Creation("/x", resource), long.MaxValue, 0))];
        Assert.All(units, unit => Assert.True(queue.TryAdd(unit)));
        units[0].Cancel(CancellationToken.None);
        units[1].Cancel(CancellationToken.None);

        // A lane that gets nothing takes it that nothing is left, and waits for the next unit to come.
        Assert.Equal([units[3]], queue.TakeOneResource(100, 10_000));
        units[2].Cancel(CancellationToken.None);
        Assert.Empty(queue.TakeOneResource(100, 10_000));
        Assert.Equal(long.MaxValue, queue.Due);
    }

    [Fact]
    public async Task A_closed_queue_answers_those_in_it_and_lets_nobody_in()
    {
        var queue = new UnitQueue(100, 1_000_000);
        var waiting = new PendingUnit(Creation("/x"), long.MaxValue, 0);
        Assert.True(queue.TryAdd(waiting));

        queue.Close();

        await Assert.ThrowsAsync<StoreUnavailableException>(() => waiting.Answer);
        Assert.False(queue.TryAdd(new PendingUnit(Creation("/y"), long.MaxValue, 0)));
    }

    [Fact]
    public void A_lane_may_begin_while_the_others_are_measured()
    {
        using var metrics = new CommitMetrics();
        metrics.For("a", new UnitQueue(1, 1));
        metrics.For("b", new UnitQueue(1, 1));
        var seen = new List<string>();
        using var listener = new MeterListener();
        listener.SetMeasurementEventCallback<int>((_, _, tags, _) =>
        {
            if (seen.Count == 0)
            {
                metrics.For("c", new UnitQueue(1, 1));
            }

            seen.Add((string)tags[0].Value!);
        });
        listener.InstrumentPublished = (instrument, to) =>
        {
            if (instrument.Meter == metrics.Meter)
            {
                to.EnableMeasurementEvents(instrument);
            }
        };
        listener.Start();

        listener.RecordObservableInstruments();

        Assert.Equal(["a", "b"], seen.Take(2));
        seen.Clear();
        seen.Add("");
        listener.RecordObservableInstruments();
        Assert.Equal(["", "a", "b", "c"], seen);
    }

    [Fact]
    public async Task More_than_20_000_waiting_units_are_refused_at_once_and_nothing_of_them_happens()
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper);
        Task<CommitResult> first = await StallAsync(instance);
        Task<CommitResult>[] waiting = [.. Enumerable.Range(0, 20_000).Select(_ => CommitAsync(instance, Check()))];

        await Assert.ThrowsAsync<StoreUnavailableException>(() => CommitAsync(instance, Creation("/refused")));

        instance.Proxy.Resume();
        CommitResult[] results = await Eventually.CompletesAsync("those that waited are answered", Task.WhenAll(waiting), TimeSpan.FromMinutes(2));
        await first;
        Assert.All(results, result => Assert.True(result.Committed));
        Assert.Null(await instance.Direct.ExistsAsync("/refused"));
        Assert.True((await instance.CommitAsync(Creation("/again"))).Committed);
    }

    [Fact]
    public async Task More_than_64_MiB_of_waiting_units_are_refused_at_once()
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper);
        Task<CommitResult> first = await StallAsync(instance);
        byte[] body = new byte[900_000];
        using var leaving = new CancellationTokenSource();
        Task<CommitResult>[] waiting =
        [
            .. Enumerable.Range(0, 74).Select(i => instance.Lanes.CommitAsync(
                new CommitUnit($"{i}").Create($"/large{i}", body, CreateMode.Persistent), s_unlimited, leaving.Token)),
        ];

        await Assert.ThrowsAsync<StoreUnavailableException>(
            () => CommitAsync(instance, new CommitUnit("x").Create("/refused", body, CreateMode.Persistent)));

        await leaving.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Task.WhenAll(waiting));
        instance.Proxy.Resume();
        await first;
    }

    [Fact]
    public async Task Operators_see_batches_waits_resends_failures_and_what_waits()
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper);
        using var seen = new Measurements(instance.Lanes.Metrics.Meter);
        await instance.CommitAsync(Creation("/a"));
        Task<CommitResult> first = await StallAsync(instance);
        Task<CommitResult>[] others = [.. Enumerable.Range(0, 5).Select(i => instance.CommitAsync(i == 0 ? Creation("/a") : Creation($"/{i}")))];

        Assert.Equal(5, seen.Waiting());
        instance.Proxy.Resume();
        await Task.WhenAll([first, .. others]);
        await instance.CommitAsync(Creation("/b"));

        Assert.Equal(0, seen.Waiting());
        Assert.Equal([1, 1, 1, 5, 1], seen.Of("lockservice.commit.batch.units"));
        Assert.Equal([1, 1, 1, 5, 1], seen.Of("lockservice.commit.batch.operations"));
        Assert.Equal(9, seen.Of("lockservice.commit.wait").Count);
        Assert.All(seen.Of("lockservice.commit.wait"), seconds => Assert.InRange(seconds, 0, 30));
        Assert.Equal(5, seen.Of("lockservice.commit.duration").Count);
        Assert.Equal([1], seen.Of("lockservice.commit.resends"));
        Assert.Equal([1], seen.Of("lockservice.commit.failures"));
    }

    private static async Task<Task<CommitResult>> StallAsync(TestInstance instance)
    {
        await instance.CommitAsync(Creation("/warm"));
        instance.Proxy.Stall(ProxyDirections.ToClient);
        Task<CommitResult> first = CommitAsync(instance, Creation("/first"));
        await Eventually.TrueAsync("the first batch is at the server", async () => await instance.Direct.ExistsAsync("/first") is not null);
        return first;
    }

    private static Task<CommitResult> CommitAsync(TestInstance instance, CommitUnit unit) =>
        instance.Lanes.CommitAsync(unit, s_unlimited, CancellationToken.None);

    private static CommitUnit Creation(string path, string? resource = null) =>
        new CommitUnit(resource ?? path).Create(path, default, CreateMode.Persistent);

    private static CommitUnit Check() => new CommitUnit("/").Check("/", -1);

    private static CommitUnit Collision() => new CommitUnit("/hot").SetData("/hot", default, 17);

    private static int Multis(TestInstance instance) => instance.Proxy.Requests.Count(request => request.Kind == RequestKind.Multi);

    /// <summary>Listens to one meter.</summary>
    private sealed class Measurements : IDisposable
    {
        private readonly MeterListener _listener = new();
        private readonly ConcurrentQueue<(string Name, double Value)> _seen = new();
        private int _waiting;

        internal Measurements(Meter meter)
        {
            _listener.InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Meter == meter)
                {
                    listener.EnableMeasurementEvents(instrument);
                }
            };
            _listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => _seen.Enqueue((instrument.Name, value)));
            _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => _seen.Enqueue((instrument.Name, value)));
            _listener.SetMeasurementEventCallback<int>((instrument, value, tags, _) =>
            {
                if (instrument.IsObservable)
                {
                    _waiting += value;
                }
                else
                {
                    _seen.Enqueue((instrument.Name, value));
                }
            });
            _listener.Start();
        }

        internal IReadOnlyList<double> Of(string name) => [.. _seen.Where(measured => measured.Name == name).Select(measured => measured.Value)];

        internal int Waiting()
        {
            _waiting = 0;
            _listener.RecordObservableInstruments();
            return _waiting;
        }

        public void Dispose() => _listener.Dispose();
    }
}
