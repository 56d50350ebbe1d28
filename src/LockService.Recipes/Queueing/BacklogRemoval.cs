using LockService.Recipes.Commit;
using LockService.ZooKeeper;

namespace LockService.Recipes.Queueing;

/// <summary>
/// Removes what is left of a queue that was removed, in units of bounded size. Nobody adds anything to it any more: every unit sets or checks the
/// tail, which is gone. What cannot be removed now is met by the next sweep.
/// </summary>
internal sealed class BacklogRemoval(QueueServices services)
{
    private const int DeletedAtOnce = 100;

    internal async Task RunInBackgroundAsync(QueueTree tree)
    {
        try
        {
            await RunAsync(tree, CancellationToken.None).ConfigureAwait(false);
        }
        catch (CoordinationException)
        {
            // The sweep goes on.
        }
    }

    internal async Task RunAsync(QueueTree tree, CancellationToken cancellation)
    {
        string[] shelves = [.. Enum.GetValues<Shelf>().Select(tree.Shelf), tree.Keys];
        foreach (string shelf in shelves)
        {
            foreach (string segment in await ChildrenAsync(shelf, cancellation).ConfigureAwait(false))
            {
                foreach (string[] nodes in (await ChildrenAsync(segment, cancellation).ConfigureAwait(false)).Chunk(DeletedAtOnce))
                {
                    await DeleteAsync(tree, nodes, cancellation).ConfigureAwait(false);
                }

                await DeleteAsync(tree, [segment], cancellation).ConfigureAwait(false);
            }
        }

        await DeleteAsync(tree, [.. shelves, tree.Returns, tree.Backlog], cancellation).ConfigureAwait(false);
    }

    private async Task<string[]> ChildrenAsync(string path, CancellationToken cancellation)
    {
        NodeChildren? children = await services.Store.ReadAsync((client, token) => client.GetChildrenAsync(path, token), cancellation).ConfigureAwait(false);
        return [.. (children?.Names ?? []).Select(name => $"{path}/{name}")];
    }

    /// <summary>Deletes nodes; those that others were faster with are left out.</summary>
    private async Task DeleteAsync(QueueTree tree, string[] paths, CancellationToken cancellation)
    {
        while (paths.Length > 0)
        {
            var unit = new CommitUnit(tree.Backlog);
            Array.ForEach(paths, path => unit.Delete(path, -1));
            CommitResult result = await services.Lanes.CommitAsync(unit, services.Lanes.NewDeadline(), cancellation).ConfigureAwait(false);
            if (result.Committed)
            {
                return;
            }

            paths = [.. paths.Where((_, i) => i != result.FailedIndex)];
        }
    }
}
