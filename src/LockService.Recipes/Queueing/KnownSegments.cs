using System.Collections.Concurrent;
using LockService.Recipes.Commit;
using LockService.ZooKeeper;

namespace LockService.Recipes.Queueing;

/// <summary>
/// The segments that are believed to exist. They are containers: made by the unit that first puts something into them, and removed by
/// ZooKeeper once they are empty. A wrong belief is refused, and corrected by the refusal.
/// </summary>
internal sealed class KnownSegments
{
    /// <summary>Bounds memory; what was forgotten costs a refusal.</summary>
    private const int MaxKnown = 20_000;

    /// <summary>True for those that are believed to exist; false for those that were found to have gone.</summary>
    private readonly ConcurrentDictionary<string, bool> _known = new();

    /// <summary>Adds the creation of a node in a segment, and that of the segment if it is not known to exist.</summary>
    internal void AddCreation(CommitUnit unit, QueueTree tree, Shelf shelf, MessageName name, ReadOnlyMemory<byte> data) =>
        AddCreation(unit, tree.Segment(shelf, name.Segment), tree.Node(shelf, name), data);

    /// <inheritdoc cref="AddCreation(CommitUnit, QueueTree, Shelf, MessageName, ReadOnlyMemory{byte})"/>
    internal void AddCreation(CommitUnit unit, string segment, string path, ReadOnlyMemory<byte> data)
    {
        if (!_known.GetValueOrDefault(segment) && !Creates(unit, segment))
        {
            unit.Create(segment, default, CreateMode.Container);
        }

        unit.Create(path, data, CreateMode.Persistent);
    }

    /// <summary>The unit was committed: what it made exists.</summary>
    internal void Learn(CommitUnit unit)
    {
        foreach (UnitOperation operation in unit.Operations)
        {
            if (operation is UnitOperation.Create { Mode: CreateMode.Container } create)
            {
                Learn(create.Path);
            }
        }
    }

    /// <summary>Whether a wrong belief was the reason of a refusal; it is corrected then, and the unit worth another try.</summary>
    internal bool Explain(CommitUnit unit, CommitResult refusal)
    {
        switch (refusal.Error, unit.Operations[refusal.FailedIndex])
        {
            case (ErrorCode.NodeExists, UnitOperation.Create { Mode: CreateMode.Container } create):
                Learn(create.Path);
                return true;
            case (ErrorCode.NoNode, UnitOperation.Create { Mode: CreateMode.Persistent } create):
                return IsCorrected(unit, create.Path[..create.Path.LastIndexOf('/')]);
            default:
                return false;
        }
    }

    /// <summary>
    /// A segment has gone. Several units may have been built on the belief that it exists; each of them is worth another try, not only the first
    /// one to be refused.
    /// </summary>
    private bool IsCorrected(CommitUnit unit, string segment)
    {
        if (!_known.ContainsKey(segment) || Creates(unit, segment))
        {
            return false;
        }

        _known[segment] = false;
        return true;
    }

    private static bool Creates(CommitUnit unit, string segment) =>
        unit.Operations.Any(operation => operation is UnitOperation.Create create && create.Path == segment);

    private void Learn(string segment)
    {
        if (_known.Count >= MaxKnown)
        {
            _known.Clear();
        }

        _known[segment] = true;
    }
}
