using System.Collections.Concurrent;
using System.Diagnostics.Metrics;

namespace LockService.Recipes.Commit;

/// <summary>
/// What operators see of the commit lanes, on the meter <c>LockService.Recipes</c>. Every instrument has the tag <c>lane</c>; names of locks,
/// counters and queues are never tags.
/// </summary>
internal sealed class CommitMetrics : IDisposable
{
    internal const string MeterName = "LockService.Recipes";

    /// <summary>Lanes come while others are being measured: those of further waiters, when they are needed.</summary>
    private readonly ConcurrentQueue<(string Lane, UnitQueue Waiting)> _queues = new();

    internal CommitMetrics()
    {
        BatchUnits = Meter.CreateHistogram<int>("lockservice.commit.batch.units", "{unit}", "Units in a batch");
        BatchOperations = Meter.CreateHistogram<int>("lockservice.commit.batch.operations", "{operation}", "Operations in a batch, without the marker's");
        Wait = Meter.CreateHistogram<double>("lockservice.commit.wait", "s", "Time from a unit's submission to its first sending");
        Duration = Meter.CreateHistogram<double>("lockservice.commit.duration", "s", "Time from a batch's first sending to its settlement");
        Resends = Meter.CreateCounter<long>("lockservice.commit.resends", "{attempt}", "Batches sent again, after a refusal or a lost answer");
        Failures = Meter.CreateCounter<long>("lockservice.commit.failures", "{unit}", "Units that were not committed, by reason: refused, unavailable, unknown");
        Meter.CreateObservableUpDownCounter(
            "lockservice.commit.waiting", () => _queues.Select(queue => new Measurement<int>(queue.Waiting.Count, Tag(queue.Lane))), "{unit}", "Units that wait for a batch");
    }

    internal Meter Meter { get; } = new(MeterName);

    internal Histogram<int> BatchUnits { get; }

    internal Histogram<int> BatchOperations { get; }

    internal Histogram<double> Wait { get; }

    internal Histogram<double> Duration { get; }

    internal Counter<long> Resends { get; }

    internal Counter<long> Failures { get; }

    /// <summary>The instruments as one lane uses them. May be called by any thread.</summary>
    internal LaneMetrics For(string lane, UnitQueue waiting)
    {
        _queues.Enqueue((lane, waiting));
        return new LaneMetrics(this, Tag(lane));
    }

    public void Dispose() => Meter.Dispose();

    private static KeyValuePair<string, object?> Tag(string lane) => new("lane", lane);
}

/// <summary>What one lane measures.</summary>
internal sealed class LaneMetrics(CommitMetrics metrics, KeyValuePair<string, object?> lane)
{
    /// <summary>A batch is sent for the first time.</summary>
    internal void Sent(IReadOnlyCollection<PendingUnit> units, TimeProvider clock)
    {
        metrics.BatchUnits.Record(units.Count, lane);
        if (metrics.BatchOperations.Enabled)
        {
            metrics.BatchOperations.Record(units.Sum(unit => unit.Unit.Operations.Count), lane);
        }

        if (metrics.Wait.Enabled)
        {
            foreach (PendingUnit unit in units)
            {
                metrics.Wait.Record(clock.GetElapsedTime(unit.SubmittedAt).TotalSeconds, lane);
            }
        }
    }

    /// <summary>A batch is sent again.</summary>
    internal void SentAgain() => metrics.Resends.Add(1, lane);

    /// <summary>A batch is settled.</summary>
    internal void Settled(TimeSpan duration) => metrics.Duration.Record(duration.TotalSeconds, lane);

    /// <summary>A unit was not committed.</summary>
    internal void Failed(string reason) => metrics.Failures.Add(1, lane, new("reason", reason));
}
