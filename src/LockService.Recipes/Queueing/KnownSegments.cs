using System.Collections.Concurrent;
using LockService.Recipes.Commit;
using LockService.ZooKeeper;

namespace LockService.Recipes.Queueing;

/// <summary>
/// The segments that are believed to exist. They are made by the unit that first puts something into them, and removed by
/// <see cref="QueueSweep"/> when nothing will ever be put into them again. A wrong belief is refused, and corrected by the refusal.
/// </summary>
/// <remarks>
/// No containers, which ZooKeeper removes as soon as they are empty: what is put into a directory that was made again a moment after it was
/// removed may be missing in the lists of a server that was restored from a snapshot (<see cref="CommitUnit.CreateListed"/>).
/// </remarks>
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
            unit.Create(segment, default, CreateMode.Persistent);
        }

        unit.Create(path, data, CreateMode.Persistent);
    }

    /// <summary>The unit was committed: what it made exists.</summary>
    internal void Learn(CommitUnit unit)
    {
        foreach (UnitOperation operation in unit.Operations)
        {
            if (operation is UnitOperation.Create create && QueueTree.IsSegment(create.Path))
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
            case (ErrorCode.NodeExists, UnitOperation.Create create) when QueueTree.IsSegment(create.Path):
                Learn(create.Path);
                return true;
            case (ErrorCode.NoNode, UnitOperation.Create create) when !QueueTree.IsSegment(create.Path):
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
