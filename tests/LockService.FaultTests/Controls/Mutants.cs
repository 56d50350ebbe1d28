using LockService.FaultTests.Nemeses;

namespace LockService.FaultTests.Controls;

/// <summary>The guards that the controls remove, one at a time.</summary>
internal static class Mutants
{
    private const string Recipes = "src/LockService.Recipes/";
    private const string QueuedWait = Recipes + "Locking/QueuedWait.cs";
    private const string LeaseCalls = Recipes + "Queueing/LeaseCalls.cs";

    /// <summary>Of locks.</summary>
    private static readonly Mutant[] s_locks =
    [
        new()
        {
            Name = "promotion-without-its-waiter",
            Guard = "A waiter becomes the holder in the transaction that deletes it, which proves that its place was never lost.",
            Checker = "log",
            Nemeses = [(SessionNemeses.ExpireOne, 1)],
            Edits =
            [
                new(
                    QueuedWait,
                    """
                                .Delete(directory.Child(place.Name.Name), -1)
                                .CreateListed(path, hold.Record.ToBytes());
                            int companionsAt
                    """,
                    """
                                .CreateListed(path, hold.Record.ToBytes());
                            int companionsAt
                    """),
                new(
                    QueuedWait,
                    """
                                Granted(line, place, hold, result.Zxid);
                            }
                            else if (result.FailedIndex
                    """,
                    """
                                services.Deletes.Delete(directory.Path, directory.Child(place.Name.Name));
                                Granted(line, place, hold, result.Zxid);
                            }
                            else if (result.FailedIndex
                    """),
            ],
        },
        new()
        {
            Name = "taken-without-the-directory",
            Guard = "A free lock is taken in the transaction that deletes its empty directory, which proves that nobody was there.",
            Checker = "exclusion",
            Edits =
            [
                new(
                    Recipes + "Locking/Acquisition.cs",
                    """
                                if (directoryExists)
                                {
                                    unit.Delete(_directory.Path, -1);
                                }

                                _directory.AddCreation(unit).CreateListed(
                    """,
                    """
                                if (!directoryExists)
                                {
                                    _directory.AddCreation(unit);
                                }

                                unit.CreateListed(
                    """),
            ],
        },
        new()
        {
            Name = "handed-over-beside-readers",
            Guard = "A release hands the lock over only if its holder was alone: a reader that leaves may not be the last one.",
            Checker = "exclusion",
            Edits =
            [
                new(
                    Recipes + "Locking/Contenders.cs",
                    "Array.Find(_ordered, own.IsBlockedBy) is { } first && first.Name == other && BlockerOf(own) == first;",
                    "BlockerOf(own) is { } last && last.Name == other;"),
                new(Recipes + "Locking/LockLine.cs", "if (holder.Mode == LockMode.Shared)", "if (holder.Name.Length == 0)"),
            ],
        },
        new()
        {
            Name = "readers-overtake-writers",
            Guard = "A reader that comes after a waiting writer waits behind it.",
            Checker = "fifo",
            Edits =
            [
                new(
                    Recipes + "Locking/ContenderName.cs",
                    "(Mode == LockMode.Exclusive || other.Mode == LockMode.Exclusive);",
                    "(Mode == LockMode.Exclusive || (other.Mode == LockMode.Exclusive && other.IsHolder));"),
            ],
        },
        new()
        {
            Name = "lease-that-others-cannot-renew",
            Guard = "A lease that was renewed through another instance is timed from when that is seen.",
            Checker = "leases",
            Edits =
            [
                new(
                    Recipes + "Leases/LeaseObserver.cs",
                    "(lease.Version, lease.Ttl, lease.Since, lease.Content) = (version, ttl, lease.ReadAt, null);",
                    "(lease.Version, lease.Ttl, lease.Content) = (version, ttl, null);"),
            ],
        },
        new()
        {
            Name = "token-of-the-waiter",
            Guard = "The fencing token is the transaction that created the holder.",
            Checker = "log",
            Edits =
            [
                new(QueuedWait, "    private bool _concluded;", "    private bool _concluded;\n    private long _entered;"),
                new(QueuedWait, "            ContenderName waiter = ", "            _entered = entered.Zxid;\n            ContenderName waiter = "),
                new(
                    QueuedWait,
                    """
                                Granted(line, place, hold, result.Zxid);
                            }
                            else if (result.FailedIndex
                    """,
                    """
                                Granted(line, place, hold, _entered);
                            }
                            else if (result.FailedIndex
                    """),
            ],
        },
        new()
        {
            Name = "waiter-that-stays",
            Guard = "Every way out of a wait removes the waiter.",
            Checker = "convergence",
            Edits =
            [
                new(QueuedWait, "            services.Deletes.Delete(directory.Path, directory.Child(place.Name.Name));", ""),
                new(QueuedWait, "            services.Waiters.Remove(prefix);", ""),
            ],
        },
    ];

    /// <summary>Of what all changes share.</summary>
    private static readonly Mutant[] s_changes =
    [
        new()
        {
            Name = "marker-without-version",
            Guard = "A batch whose outcome is not known is sent again on the version of the marker that it was first sent on.",
            Checker = "leases",
            Nemeses = [(LinkNemeses.DropRepliesOfServers, 3), (ServerNemeses.KillFollower, 1)],
            Edits =
            [
                new(Recipes + "Commit/Batch.cs", "Transaction.SetData(marker, data, expectedVersion);", "Transaction.SetData(marker, data, -1);"),
            ],
        },
        new()
        {
            Name = "unknown-told-as-undone",
            Guard = "What was sent and not settled by its deadline is answered as unknown, 504, and not as undone, 503.",
            Checker = "counters",
            Nemeses = [(LinkNemeses.BlackHoleFromServers, 1)],
            Edits =
            [
                new(
                    Recipes + "Commit/PendingUnit.cs",
                    "new EffectUnknownException(\"ZooKeeper's answer was lost or did not come in time.\")",
                    "new StoreUnavailableException(\"ZooKeeper's answer was lost or did not come in time.\")"),
            ],
        },
        new()
        {
            Name = "record-that-nobody-finds",
            Guard = "The record of a keyed request is where its repetition looks for it, and collides with it.",
            Checker = "counters",
            Nemeses = [(LinkNemeses.DropRepliesToClients, 1), (LinkNemeses.DropRepliesOfServers, 1)],
            Edits =
            [
                new(
                    Recipes + "Idempotency/OutcomeRecord.cs",
                    "$\"{parent}/{request.Shard}/{request.Digest}\";",
                    "$\"{parent}/{request.Shard}/{request.Digest}{Guid.NewGuid():N}\";"),
            ],
        },
    ];

    /// <summary>Of queues.</summary>
    private static readonly Mutant[] s_queues =
    [
        new()
        {
            Name = "acknowledged-with-anothers-lease",
            Guard = "Only the lease that holds a message acknowledges it: its secret is compared.",
            Checker = "queue",
            Edits =
            [
                new(LeaseCalls, " known && record.Secret == id.Secret)", " known)"),
                new(LeaseCalls, " record && record.Secret == unknown[i].Secret)", " record)"),
            ],
        },
    ];

    internal static IReadOnlyList<Mutant> All { get; } = [.. s_locks, .. s_changes, .. s_queues];
}
