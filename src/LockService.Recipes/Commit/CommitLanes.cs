using LockService.Recipes.Sessions;
using Microsoft.Extensions.Logging;

namespace LockService.Recipes.Commit;

/// <summary>The lanes of an instance. All units of a resource travel in the same one.</summary>
internal sealed class CommitLanes : IAsyncDisposable
{
    private readonly CommitLane[] _lanes;
    private readonly CoordinationOptions _options;
    private readonly TimeProvider _clock;

    internal CommitLanes(SessionKeeper sessions, CoordinationOptions options, string instanceId, TimeProvider clock, ILoggerFactory logs)
    {
        _options = options;
        _clock = clock;
        _lanes = [new CommitLane(sessions, $"{options.Root}/commit/{instanceId}-0", clock, logs.CreateLogger<CommitLane>())];
    }

    /// <summary>The deadline of a call that begins now.</summary>
    internal Deadline NewDeadline() => Deadline.After(_options.StoreDeadline, _clock);

    /// <inheritdoc cref="CommitLane.CommitAsync"/>
    internal Task<CommitResult> CommitAsync(CommitUnit unit, Deadline deadline, CancellationToken cancellation) =>
        LaneOf(unit.Resource).CommitAsync(unit, deadline, cancellation);

    public async ValueTask DisposeAsync()
    {
        foreach (CommitLane lane in _lanes)
        {
            await lane.DisposeAsync().ConfigureAwait(false);
        }
    }

    private CommitLane LaneOf(string resource) =>
        _lanes[(uint)string.GetHashCode(resource, StringComparison.Ordinal) % (uint)_lanes.Length];
}
