using LockService.ZooKeeper;

namespace LockService.Recipes.Commit;

/// <summary>Finds the names of sequential nodes whose creation is certain but whose reply was lost, by the GUIDs in them.</summary>
internal static class LostNames
{
    /// <summary>Call on a client that is in sync with the creation.</summary>
    /// <returns>For each operation of the units the path it created; null for other operations, and for nodes that are gone again.</returns>
    internal static async Task<string?[]> FindAsync(ZooKeeperClient client, IEnumerable<PendingUnit> units, CancellationToken cancellation)
    {
        UnitOperation[] operations = [.. units.SelectMany(unit => unit.Unit.Operations)];
        string[] parents = [.. operations.OfType<UnitOperation.Create>().Where(create => create.IsSequential).Select(Parent).Distinct()];
        var children = new Dictionary<string, IReadOnlyList<string>>();
        foreach (string parent in parents)
        {
            NodeChildren? listed = await client.GetChildrenAsync(parent, cancellation).ConfigureAwait(false);
            children.Add(parent, listed?.Names ?? []);
        }

        return [.. operations.Select(operation => (operation as UnitOperation.Create) switch
        {
            null => null,
            { IsSequential: false } create => create.Path,
            { } create => Find(create, children[Parent(create)]),
        })];
    }

    private static string? Find(UnitOperation.Create create, IReadOnlyList<string> siblings)
    {
        string prefix = create.Path[(create.Path.LastIndexOf('/') + 1)..];
        return siblings.FirstOrDefault(name => name.StartsWith(prefix, StringComparison.Ordinal)) is { } name
            ? create.Path[..(create.Path.LastIndexOf('/') + 1)] + name
            : null;
    }

    private static string Parent(UnitOperation.Create create) => create.Path[..Math.Max(1, create.Path.LastIndexOf('/'))];
}
