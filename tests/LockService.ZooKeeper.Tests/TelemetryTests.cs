using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using LockService.Testing;
using Xunit;

namespace LockService.ZooKeeper.Tests;

/// <summary>What operators see: the meter and the activities, both named <c>LockService.ZooKeeper</c>.</summary>
[Collection(LonelyZooKeeper.Name)]
public sealed class TelemetryTests(ZooKeeperFixture zookeeper)
{
    private const string Name = "LockService.ZooKeeper";

    [Fact]
    public async Task A_requests_duration_is_reported_by_operation_and_outcome()
    {
        using var meter = new MeterRecorder();
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync());

        await client.CreateAsync("/n");
        await Assert.ThrowsAsync<RequestRefusedException>(() => client.CreateAsync("/n"));
        TransactionResult refused = await client.CommitAsync(new Transaction().Check("/missing", 3));

        Assert.False(refused.Committed);
        Assert.Contains(meter.Of("zookeeper.client.request.duration"), m => m.Value is > 0 and < 60 && m.Tags == "operation=Create2,outcome=Done");
        Assert.Contains(meter.Of("zookeeper.client.request.duration"), m => m.Tags == "operation=Create2,outcome=Refused,error.type=NodeExists");
        Assert.Contains(meter.Of("zookeeper.client.request.duration"), m => m.Tags == "operation=Multi,outcome=Refused,error.type=NoNode");
    }

    [Fact]
    public async Task A_lost_reply_is_reported_as_unknown_and_the_new_connection_as_a_reconnect()
    {
        using var meter = new MeterRecorder();
        using ZooKeeperProxy proxy = zookeeper.NewProxy();
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync(proxy));
        await client.WhenConnectedAsync();
        _ = proxy.DropNextReply(RequestKind.GetAcl);

        await Assert.ThrowsAsync<OutcomeUnknownException>(() => client.GetAclAsync("/"));
        await client.SyncAsync("/");

        Assert.Contains(
            meter.Of("zookeeper.client.request.duration"), m => m.Tags == "operation=GetAcl,outcome=Unknown,error.type=OutcomeUnknownException");
        Assert.Single(meter.Of("zookeeper.client.reconnects"));
    }

    [Fact]
    public async Task Sessions_watches_and_requests_under_way_are_counted_while_they_last()
    {
        using ZooKeeperProxy proxy = zookeeper.NewProxy();
        ZooKeeperOptions options = await zookeeper.NewOptionsAsync(proxy);
        using var meter = new MeterRecorder();
        var client = new ZooKeeperClient(options);
        await client.WhenConnectedAsync();
        Assert.Equal(1, meter.Observe("zookeeper.client.sessions", "state=Connected"));
        Assert.Equal(0, meter.Observe("zookeeper.client.watches"));

        await client.WatchExistsAsync("/missing");
        await using PersistentWatch persistent = await client.AddWatchAsync("/", WatchScope.Subtree);
        proxy.Stall(ProxyDirections.ToServer);
        Task<Stat?> stalled = client.ExistsAsync("/");
        await Eventually.TrueAsync("the request is in flight", () => meter.Observe("zookeeper.client.requests.in_flight") == 1);
        Assert.Equal(2, meter.Observe("zookeeper.client.watches"));
        proxy.Resume();
        await stalled;
        await client.DisposeAsync();

        Assert.Equal(0, meter.Observe("zookeeper.client.sessions", "state=Connected"));
        Assert.Equal(0, meter.Observe("zookeeper.client.watches"));
        Assert.Equal("reason=Closed", Assert.Single(meter.Of("zookeeper.client.session.ends")).Tags);
    }

    [Fact]
    public async Task A_request_is_an_activity_below_the_callers_and_never_names_a_path()
    {
        var stopped = new ConcurrentQueue<Activity>();
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == Name,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = stopped.Enqueue,
        };
        ActivitySource.AddActivityListener(listener);
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync());
        using var caller = new Activity("caller");
        caller.Start();

        await client.CreateAsync("/secret");
        await Assert.ThrowsAsync<RequestRefusedException>(() => client.DeleteAsync("/secret", version: 9));

        Assert.Same(caller, Activity.Current);
        Activity[] own = [.. stopped.Where(activity => activity.ParentSpanId == caller.SpanId)];
        Assert.Equal(["Create2", "Delete"], own.Select(activity => activity.OperationName));
        Assert.All(own, activity => Assert.Equal(ActivityKind.Client, activity.Kind));
        Assert.Equal([ActivityStatusCode.Unset, ActivityStatusCode.Error], own.Select(activity => activity.Status));
        Assert.Equal("BadVersion", own[1].GetTagItem("error.type"));
        Assert.DoesNotContain(own.SelectMany(activity => activity.TagObjects), tag => $"{tag.Value}".Contains('/'));
    }

    /// <summary>All measurements of the client's meter.</summary>
    private sealed class MeterRecorder : IDisposable
    {
        private readonly ConcurrentQueue<(string Instrument, double Value, string Tags)> _measurements = new();
        private readonly MeterListener _listener = new();

        internal MeterRecorder()
        {
            _listener.InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Meter.Name == Name)
                {
                    listener.EnableMeasurementEvents(instrument);
                }
            };
            _listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Add(instrument, value, tags));
            _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Add(instrument, value, tags));
            _listener.Start();
        }

        public void Dispose() => _listener.Dispose();

        internal (string Instrument, double Value, string Tags)[] Of(string instrument) => [.. _measurements.Where(m => m.Instrument == instrument)];

        /// <summary>The present value of an instrument that has to be asked.</summary>
        internal double Observe(string instrument, string tags = "")
        {
            int before = Of(instrument).Length;
            _listener.RecordObservableInstruments();
            return Of(instrument).Skip(before).Where(m => tags.Length == 0 || m.Tags == tags).Sum(m => m.Value);
        }

        private void Add(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
        {
            string text = "";
            foreach ((string key, object? tag) in tags)
            {
                text += $"{(text.Length > 0 ? "," : "")}{key}={tag}";
            }

            _measurements.Enqueue((instrument.Name, value, text));
        }
    }
}

/// <summary>A server of its own, and no other test at the same time: the meter is one for the process.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class LonelyZooKeeper : ICollectionFixture<ZooKeeperFixture>
{
    public const string Name = "alone in the process";
}
