using LockService.Recipes.Sessions;
using LockService.ZooKeeper;

namespace LockService.Recipes.Locking;

/// <summary>
/// A place in a lock's queue: one node in the lock's directory, on one ZooKeeper session, through the kinds it takes on the way to a
/// grant. It settles what a lost answer leaves open, and what it cannot settle it leaves to be removed.
/// </summary>
internal sealed class Place(LockServices services, LockDirectory directory, ZooKeeperClient client, AcquireOptions options)
{
    /// <summary>
    /// The server's numbers wrap after 2^31-1, and two contenders with one number would both find nobody before them. Nobody is let in
    /// from here on, until the directory has emptied, gone, and begun at 0 again.
    /// </summary>
    private const int LastSequence = int.MaxValue - (1 << 24);

    /// <summary>The start of the name of a node that was asked for and may exist.</summary>
    private string? _unsettled;
    private bool _unsettledIsHolder;
    private DateTimeOffset _since;

    /// <summary>The node; null before <see cref="EnterAsync"/> and after the place was lost or left.</summary>
    internal OwnNode? Own { get; private set; }

    /// <summary>Whether a grant was asked for whose outcome is unknown.</summary>
    internal bool MayBeGranted => _unsettled is not null && _unsettledIsHolder;

    /// <summary>Creates the node and lists, in one round trip.</summary>
    internal async Task<Contenders> EnterAsync(bool asHolder, CancellationToken token)
    {
        while (true)
        {
            string prefix = BeginNode(asHolder);
            long sentAt = services.Clock.GetTimestamp();
            CreateMode mode = asHolder ? CreateMode.PersistentSequential : CreateMode.EphemeralSequential;
            Task<CreatedNode> create = client.CreateAsync(directory.Child(prefix), NewRecord(asHolder), mode, cancellation: token);
            Task<Contenders> list = directory.ListAsync(client, token);
            // Both, so that no failure of the second stays unobserved when the first has failed.
            await Task.WhenAll(create, list).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            try
            {
                CreatedNode created = await create.ConfigureAwait(false);
                Adopt(created.Path[(directory.Path.Length + 1)..], created.Stat!.Value.CreatedZxid, sentAt);
                return OwnIn(await list.ConfigureAwait(false));
            }
            catch (RequestRefusedException e) when (e.Code == ErrorCode.NoNode && Own is null)
            {
                Settled(prefix);
                await EnsureDirectoryAsync(token).ConfigureAwait(false);
            }
            catch (OutcomeUnknownException) when (Own is null)
            {
                Contenders seen = await SettleEntryAsync(prefix, sentAt, token).ConfigureAwait(false);
                if (Own is not null)
                {
                    return seen;
                }
            }
            catch (OutcomeUnknownException)
            {
                return await LookAsync(token).ConfigureAwait(false);
            }
            catch (Exception e) when (IsUnsent(e) && Own is null)
            {
                Settled(prefix);
                throw;
            }
        }
    }

    /// <summary>Lists on the session of the node, which must be in the list: else the place is lost.</summary>
    internal async Task<Contenders> LookAsync(CancellationToken token) =>
        OwnIn(await AgainAsync(t => directory.ListAsync(client, t), token).ConfigureAwait(false));

    /// <summary>
    /// Puts a node of the other kind at this place, with the same number, in one transaction with the deletion of the present one. The
    /// deletion is the guard: it proves that the place was never lost, so the creation is never tried without it.
    /// </summary>
    internal async Task ReplaceAsync(bool asHolder, CancellationToken token)
    {
        OwnNode from = Own!;
        while (true)
        {
            string prefix = BeginNode(asHolder);
            string to = ContenderName.WithSequence(prefix, from.Name.Sequence);
            long sentAt = services.Clock.GetTimestamp();
            Transaction replace = new Transaction()
                .Delete(directory.Child(from.Name.Name))
                .Create(directory.Child(to), NewRecord(asHolder), asHolder ? CreateMode.Persistent : CreateMode.Ephemeral);
            Task<TransactionResult> commit = client.CommitAsync(replace, token);
            // Servers before 3.8.2 do not tell the zxid of a creation in a transaction: read it behind, in the same round trip.
            Task<Stat?> read = client.ExistsAsync(directory.Child(to), token);
            await Task.WhenAll(commit, read).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            try
            {
                if (!(await commit.ConfigureAwait(false)).Committed)
                {
                    Settled(prefix);
                    throw Lost(from);
                }

                // The zxid follows; until then the node is known well enough to be removed.
                Take(from, to, zxid: 0, sentAt);
                Stat made = await read.ConfigureAwait(false) ?? throw Lost(Own!);
                Take(from, to, made.CreatedZxid, sentAt);
                return;
            }
            catch (OutcomeUnknownException)
            {
                if (await SettleReplaceAsync(from, prefix, to, sentAt, token).ConfigureAwait(false))
                {
                    return;
                }
            }
            catch (Exception e) when (IsUnsent(e) && Own == from)
            {
                Settled(prefix);
                throw;
            }
        }
    }

    /// <summary>Removes the node, and whatever a lost answer may have left, even if ZooKeeper is away now.</summary>
    internal void Leave()
    {
        if (Own is { } own)
        {
            services.Deletes.Delete(client, directory.Child(own.Name.Name), ephemeral: !own.Name.IsHolder);
            Forget(own);
        }

        if (_unsettled is { } prefix)
        {
            services.Deletes.DeletePrefix(client, directory.Path, prefix);
            Settled(prefix);
        }

        services.Idle.Note(directory.Path);
    }

    /// <summary>Repeats a read on the session of the node, across reconnections, until it is answered.</summary>
    internal static async Task<T> AgainAsync<T>(Func<CancellationToken, Task<T>> read, CancellationToken token)
    {
        while (true)
        {
            try
            {
                return await read(token).ConfigureAwait(false);
            }
            catch (OutcomeUnknownException)
            {
                // The client is reconnecting, and the next request waits for that.
            }
        }
    }

    /// <summary>
    /// Finds out what became of a creation whose answer was lost: on the same session, after a sync, the listing is final. The session's
    /// own earlier request is ahead of the sync in the leader's queue, or will never be carried out.
    /// </summary>
    private async Task<Contenders> SettleEntryAsync(string prefix, long sentAt, CancellationToken token)
    {
        Contenders seen = await AgainAsync(t => directory.ListLatestAsync(client, t), token).ConfigureAwait(false);
        if (seen.FindPrefix(prefix) is { } found)
        {
            Stat? stat = await AgainAsync(t => client.ExistsAsync(directory.Child(found.Name), t), token).ConfigureAwait(false);
            Adopt(found.Name, stat?.CreatedZxid ?? 0, sentAt);
        }
        else
        {
            Settled(prefix);
        }

        return seen;
    }

    /// <summary>New node there: done. Only the old one: it never happened and never will. Neither: the place is lost.</summary>
    private async Task<bool> SettleReplaceAsync(OwnNode from, string prefix, string to, long sentAt, CancellationToken token)
    {
        Contenders seen = await AgainAsync(t => directory.ListLatestAsync(client, t), token).ConfigureAwait(false);
        Stat? made = await AgainAsync(t => client.ExistsAsync(directory.Child(to), t), token).ConfigureAwait(false);
        if (made is { } stat)
        {
            Take(from, to, stat.CreatedZxid, sentAt);
            return true;
        }

        Settled(prefix);
        return Own == from && seen.Find(from.Name.Name) is not null ? false : throw Lost(Own!);
    }

    private void Adopt(string nodeName, long zxid, long sentAt)
    {
        Own = new OwnNode(ContenderName.Parse(nodeName)!, zxid, sentAt, _since);
        _unsettled = null;
        if (Own.Name.Sequence is < 0 or > LastSequence)
        {
            throw new StoreUnavailableException("The lock's queue numbers are nearly used up; it must be unused for a minute to begin anew.");
        }
    }

    private void Take(OwnNode from, string to, long zxid, long sentAt)
    {
        services.Waiters.Remove(from.Name.Prefix);
        Adopt(to, zxid, sentAt);
    }

    private Contenders OwnIn(Contenders seen) => seen.Find(Own!.Name.Name) is not null ? seen : throw Lost(Own);

    private StoreUnavailableException Lost(OwnNode own)
    {
        Forget(own);
        return new StoreUnavailableException("The place in the lock's queue was lost.");
    }

    private void Forget(OwnNode own)
    {
        services.Waiters.Remove(own.Name.Prefix);
        Own = null;
    }

    private string BeginNode(bool asHolder)
    {
        string prefix = ContenderName.NewPrefix(options.Mode, asHolder);
        (_unsettled, _unsettledIsHolder, _since) = (prefix, asHolder, services.Clock.GetUtcNow());
        if (!asHolder)
        {
            services.Waiters.Add(prefix);
        }

        return prefix;
    }

    /// <summary>The node of this name does not exist and never will.</summary>
    private void Settled(string prefix)
    {
        _unsettled = null;
        services.Waiters.Remove(prefix);
    }

    private async Task EnsureDirectoryAsync(CancellationToken token)
    {
        try
        {
            await NodeTree.EnsureAsync(client, directory.Path, CreateMode.Container, "lock"u8.ToArray(), token).ConfigureAwait(false);
        }
        catch (OutcomeUnknownException)
        {
            // The next attempt finds out.
        }
    }

    private byte[] NewRecord(bool asHolder) => new ContenderRecord
    {
        Owner = options.Owner,
        TtlMs = asHolder ? (long)options.Ttl.TotalMilliseconds : 0,
        Metadata = options.Metadata,
        Since = _since,
        Instance = services.InstanceId,
    }.ToBytes();

    private static bool IsUnsent(Exception e) =>
        e is ZooKeeperException { Outcome: not RequestOutcome.Unknown } or RequestAbandonedException { Outcome: RequestOutcome.NotSent };

    /// <param name="Name">The node's name.</param>
    /// <param name="Zxid">The transaction that created it.</param>
    /// <param name="SentAt">When the request that created it was sent: no later than the beginning of the lease.</param>
    /// <param name="Since">The moment written in its record.</param>
    internal sealed record OwnNode(ContenderName Name, long Zxid, long SentAt, DateTimeOffset Since);
}
