using LockService.Recipes.Commit;
using LockService.Recipes.Sessions;
using LockService.ZooKeeper;

namespace LockService.Recipes.Locking;

/// <summary>The locks of one request in the order of their names, which is the order of all its transactions. The first one carries the lease.</summary>
internal sealed class LockSet
{
    private readonly LockServices _services;
    private readonly string[] _paths;

    internal LockSet(LockServices services, IEnumerable<LockMember> locks)
    {
        _services = services;
        Locks = [.. locks.OrderBy(one => one.Name, StringComparer.Ordinal)];
        Directories = [.. Locks.Select(one => new LockDirectory(services.Options.Root, one.Name))];
        _paths = [.. Directories.Select(directory => directory.Path)];
    }

    internal IReadOnlyList<LockMember> Locks { get; }

    /// <summary>Their directories, in the same order.</summary>
    internal IReadOnlyList<LockDirectory> Directories { get; }

    internal int Count => Locks.Count;

    /// <summary>What its units are about; those of one resource travel in order.</summary>
    internal string Resource => _paths[0];

    /// <summary>Lists all directories, in their order.</summary>
    internal async Task<Contenders[]> ListAsync(ZooKeeperClient client, bool latest, CancellationToken token) =>
        [.. (await DirectoriesAsync(client, latest, token).ConfigureAwait(false)).Select(listing => new Contenders(listing))];

    /// <summary>The same with what is known of the directories themselves; null for one that does not exist.</summary>
    internal Task<DirectoryListing?[]> DirectoriesAsync(ZooKeeperClient client, bool latest, CancellationToken token) =>
        SharedReads.AgainAsync(t => _services.Reads.ListAsync(client, _paths, latest, t), token);

    /// <summary>A grant in the making: a holder of each lock, of which the first carries the lease of all.</summary>
    /// <param name="options">What is asked for.</param>
    /// <param name="sequences">The holders' numbers.</param>
    internal Hold[] NewHolds(AcquireOptions options, IReadOnlyList<int> sequences)
    {
        ContenderName[] names = [.. Locks.Select((one, i) => NewName(one.Mode, sequences[i]))];
        string[] holders = [.. Locks.Zip(names, (one, name) => $"{one.Name}/{name.Name}")];
        Hold carrier = Hold.New(_services, options, sequences[0]);
        ContenderRecord sharing = carrier.Record with { TtlMs = 0, Primary = holders[0] };
        return
        [
            carrier with { Name = names[0], Record = carrier.Record with { Members = holders[1..] } },
            .. names.Skip(1).Select(name => new Hold(name, sharing, carrier.SentAt)),
        ];
    }

    /// <summary>Adds the creation of a holder to a unit.</summary>
    internal void AddCreation(CommitUnit unit, int index, Hold hold) =>
        unit.CreateListed(Directories[index].Child(hold.Name.Name), hold.Record.ToBytes());

    /// <summary>Has the lease timed from its grant on.</summary>
    internal void Observe(IReadOnlyList<Hold> holds, long token) => Granting.Observe(_services, Directories[0], holds[0], token);

    /// <summary>Tells the caller of the grant, or gives it back.</summary>
    internal LockGrant Conclude(IReadOnlyList<Hold> holds, long token, long arrived, bool isKept, CancellationToken cancellation) =>
        Granting.Conclude(_services, Directories[0], Locks[0].Name, holds[0], token, arrived, isKept, cancellation);

    /// <summary>Nobody is there to be told of the grant.</summary>
    internal void Abandon(IReadOnlyList<Hold> holds, long token, bool isKept) => Granting.Abandon(_services, Directories[0], holds[0], token, isKept);

    private static ContenderName NewName(LockMode mode, int sequence) => new(
        ContenderName.WithSequence(ContenderName.NewMultiHolderPrefix(mode), sequence), mode, sequence, IsHolder: true);
}
