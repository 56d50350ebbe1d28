namespace LockService.Benchmarks.Rows;

/// <summary>All rows, in the order of the table.</summary>
internal static class AllRows
{
    internal static IReadOnlyList<Row> Table { get; } =
        [LockRows.Uncontended, LockRows.Hot, LockRows.VeryHot, CounterRows.Hot, CounterRows.Many, QueueRows.Cycles, QueueRows.Full, LockRows.Renewals];

    /// <summary>Those with these keys, or the default ones if there are none.</summary>
    /// <exception cref="ArgumentException">There is no such row.</exception>
    internal static IReadOnlyList<Row> Choose(IReadOnlyCollection<string> keys)
    {
        if (keys.FirstOrDefault(key => key != MemoryRow.Key && Table.All(row => row.Key != key)) is { } unknown)
        {
            throw new ArgumentException($"There is no row '{unknown}'. Rows: {string.Join(", ", Table.Select(row => row.Key).Append(MemoryRow.Key))}.");
        }

        return [.. Table.Where(row => keys.Count > 0 ? keys.Contains(row.Key) : row.IsDefault)];
    }
}
