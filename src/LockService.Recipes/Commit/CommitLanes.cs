using LockService.Recipes.Sessions;
using LockService.ZooKeeper;
using Microsoft.Extensions.Logging;

namespace LockService.Recipes.Commit;

/// <summary>
/// The lanes of an instance: one for everybody, and one for resources that collide with others' changes, in batches of one resource each, so
/// that their refusals delay nobody else. A resource that moves from one to the other needs no care, since each unit is settled by its own lane.
/// </summary>
internal sealed class CommitLanes : IAsyncDisposable
{
    private readonly CommitMetrics _metrics = new();
    private readonly CommitLane _common;
    private readonly CommitLane _contended;
    private readonly Lazy<WaiterLane>[] _further;
    private readonly ContendedResources _collisions;
    private readonly CoordinationOptions _options;
    private readonly TimeProvider _clock;

    internal CommitLanes(SessionKeeper sessions, CoordinationOptions options, string instanceId, TimeProvider clock, ILoggerFactory logs)
    {
        _options = options;
        _clock = clock;
        _collisions = new ContendedResources(clock);
        var common = new LaneOptions
        {
            Name = "common",
            MarkerPrefix = $"{PathOf(options.Root)}/{instanceId}-0",
            MarkerVersions = options.MarkerVersions,
        };
        LaneOptions contended = common with { Name = "contended", MarkerPrefix = $"{PathOf(options.Root)}/{instanceId}-1", OneResourceAtATime = true };
        _common = new CommitLane(sessions, common, _metrics, clock, logs.CreateLogger<CommitLane>());
        _contended = new CommitLane(sessions, contended, _metrics, clock, logs.CreateLogger<CommitLane>());
        Sessions = sessions;
        _further =
        [
            .. Enumerable.Range(1, WaiterSeats.SessionsFor(options.MaxWaiters) - 1).Select(number => new Lazy<WaiterLane>(() =>
            {
                var own = new SessionKeeper(options, clock, logs);
                LaneOptions lane = common with { Name = "waiters", MarkerPrefix = $"{PathOf(options.Root)}/{instanceId}-w{number}" };
                return new WaiterLane(own, new CommitLane(own, lane, _metrics, clock, logs.CreateLogger<CommitLane>()));
            })),
        ];
    }

    /// <summary>The node above the markers of all lanes.</summary>
    internal static string PathOf(string root) => $"{root}/commit";

    /// <summary>The session of the common lanes.</summary>
    internal SessionKeeper Sessions { get; }

    /// <summary>All sessions that may own waiters; further ones are opened when they are needed.</summary>
    internal IEnumerable<SessionKeeper> WaiterSessions =>
        _further.Where(lane => lane.IsValueCreated).Select(lane => lane.Value.Sessions).Prepend(Sessions);

    /// <summary>What is measured.</summary>
    internal CommitMetrics Metrics => _metrics;

    /// <summary>The deadline of a call that begins now.</summary>
    internal Deadline NewDeadline() => Deadline.After(_options.StoreDeadline, _clock);

    /// <inheritdoc cref="CommitLane.CommitAsync"/>
    internal async Task<CommitResult> CommitAsync(CommitUnit unit, Deadline deadline, CancellationToken cancellation)
    {
        CommitLane lane = _collisions.Contains(unit.Resource) ? _contended : _common;
        CommitResult result = await lane.CommitAsync(unit, deadline, cancellation).ConfigureAwait(false);
        if (result.Error is ErrorCode.BadVersion or ErrorCode.NodeExists or ErrorCode.NoNode or ErrorCode.NotEmpty)
        {
            _collisions.Note(unit.Resource);
        }

        return result;
    }

    /// <summary>The same for a unit whose ephemeral nodes belong to one of the <see cref="WaiterSessions"/>, 0 being the common one.</summary>
    /// <inheritdoc cref="CommitLane.CommitAsync"/>
    internal Task<CommitResult> CommitWaiterAsync(CommitUnit unit, int session, Deadline deadline, CancellationToken cancellation) =>
        session == 0 ? CommitAsync(unit, deadline, cancellation) : _further[session - 1].Value.Lane.CommitAsync(unit, deadline, cancellation);

    public async ValueTask DisposeAsync()
    {
        foreach (Lazy<WaiterLane> further in _further.Where(lane => lane.IsValueCreated))
        {
            await further.Value.Lane.DisposeAsync().ConfigureAwait(false);
            await further.Value.Sessions.DisposeAsync().ConfigureAwait(false);
        }

        await _common.DisposeAsync().ConfigureAwait(false);
        await _contended.DisposeAsync().ConfigureAwait(false);
        _metrics.Dispose();
    }

    /// <summary>A session whose nodes are waiters, and nothing else.</summary>
    private sealed record WaiterLane(SessionKeeper Sessions, CommitLane Lane);
}
