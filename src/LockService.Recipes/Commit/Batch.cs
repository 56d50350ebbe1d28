using System.Globalization;
using System.Text;
using LockService.ZooKeeper;

namespace LockService.Recipes.Commit;

/// <summary>
/// Units on their way through one transaction. It is sent in one or more attempts, each a transaction of its own with a number of its own
/// in the marker; all expect the same version of the marker, so that one of them at most is ever applied.
/// </summary>
/// <remarks>
/// An attempt has fewer units than the one before: those that were refused, and those whose callers have left, are out. While the outcome
/// of an earlier attempt is open, a refusal is held back, since the earlier one may yet turn out to be the one that was applied.
/// </remarks>
internal sealed class Batch(List<PendingUnit> units)
{
    private readonly PendingUnit[] _all = [.. units];
    private readonly List<Attempt> _open = [];
    private readonly List<(PendingUnit Unit, CommitResult Refusal)> _heldBack = [];

    /// <summary>Whether an attempt was sent of which nobody knows whether it was applied.</summary>
    internal bool IsOpen => _open.Count > 0;

    /// <summary>The next transaction to try; null if nobody waits for anything and nothing is open.</summary>
    internal Attempt? NextAttempt(ZooKeeperClient client, string marker, int expectedVersion, long number)
    {
        units.RemoveAll(unit => !unit.TryStartSending());
        return units.Count > 0 || IsOpen ? new Attempt(client, marker, expectedVersion, number, [.. units]) : null;
    }

    /// <summary>The attempt may have been applied, or may yet be.</summary>
    internal void LeaveOpen(Attempt attempt) => _open.Add(attempt);

    /// <summary>The attempt was not applied and never will be.</summary>
    internal void NothingDone()
    {
        if (!IsOpen)
        {
            units.ForEach(unit => unit.BackToWaiting());
        }
    }

    /// <summary>One unit made the attempt fail; the others will be tried without it.</summary>
    internal void Refuse(PendingUnit unit, CommitResult refusal)
    {
        units.Remove(unit);
        if (IsOpen)
        {
            _heldBack.Add((unit, refusal));
        }
        else
        {
            unit.Settle(refusal);
            NothingDone();
        }
    }

    /// <summary>The open attempt whose number the marker carries; null if it is none of them.</summary>
    internal Attempt? FindOpen(long number) => _open.Find(attempt => attempt.Number == number);

    /// <summary>This attempt was applied, and therefore no other.</summary>
    internal void Applied(Attempt attempt, IReadOnlyList<CommitResult> results)
    {
        for (int i = 0; i < results.Count; i++)
        {
            attempt.Units[i].Settle(results[i]);
        }

        foreach ((PendingUnit unit, CommitResult refusal) in _heldBack)
        {
            // One that the applied attempt contained has been answered by now, and keeps that answer.
            unit.Settle(refusal);
        }
    }

    /// <summary>All is over without an outcome; the reason says whether something may have been done.</summary>
    internal void Fail(CoordinationException reason) => Array.ForEach(_all, unit => unit.Fail(reason));

    /// <summary>Answers callers whose deadline has passed. May run beside everything else.</summary>
    internal void ExpireAt(long now) => Array.ForEach(_all, unit => unit.ExpireAt(now));
}

/// <summary>One transaction: the marker first, then the units' operations.</summary>
internal sealed class Attempt
{
    internal Attempt(ZooKeeperClient client, string marker, int expectedVersion, long number, PendingUnit[] units)
    {
        Client = client;
        Number = number;
        Units = units;
        byte[] data = Encoding.ASCII.GetBytes(number.ToString(CultureInfo.InvariantCulture));
        Transaction.SetData(marker, data, expectedVersion);
        foreach (UnitOperation operation in units.SelectMany(unit => unit.Unit.Operations))
        {
            operation.AddTo(Transaction);
        }

        Listings = new ListingsBehind(units);
    }

    internal long Number { get; }

    internal PendingUnit[] Units { get; }

    internal Transaction Transaction { get; } = new();

    /// <summary>What is read behind it.</summary>
    internal ListingsBehind Listings { get; }

    /// <summary>The session on which it was sent.</summary>
    internal ZooKeeperClient Client { get; }

    /// <summary>The unit and the index in it to which an operation of the transaction belongs; the marker's is 0 and belongs to none.</summary>
    internal (PendingUnit Unit, int Index) OwnerOf(int operation)
    {
        int index = operation - 1;
        foreach (PendingUnit unit in Units)
        {
            if (index < unit.Unit.Operations.Count)
            {
                return (unit, index);
            }

            index -= unit.Unit.Operations.Count;
        }

        throw new ArgumentOutOfRangeException(nameof(operation));
    }

    /// <summary>The units' results once the transaction was applied.</summary>
    /// <param name="marker">The marker's state after it, which tells the transaction's zxid and time.</param>
    /// <param name="created">The paths of the operations' nodes in order, without the marker's.</param>
    /// <param name="read">What was read behind it; null if that was lost.</param>
    internal CommitResult[] Results(Stat marker, string?[] created, ReadBatchResult? read)
    {
        var results = new CommitResult[Units.Length];
        int from = 0;
        for (int i = 0; i < results.Length; i++)
        {
            int count = Units[i].Unit.Operations.Count;
            results[i] = new CommitResult(ErrorCode.Ok, -1, marker.ModifiedZxid, created[from..(from + count)])
            {
                CommittedAtMs = marker.ModifiedAt,
                Client = Client,
                Listing = read is null ? null : Listings.Of(Units[i].Unit, read),
            };
            from += count;
        }

        return results;
    }
}
