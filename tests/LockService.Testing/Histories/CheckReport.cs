using System.Globalization;

namespace LockService.Testing.Histories;

/// <summary>What a checker found.</summary>
/// <param name="Checker">Its name.</param>
/// <param name="Violations">One sentence for each broken promise; empty is what a test wants.</param>
/// <param name="Figures">What it measured, by name.</param>
public sealed record CheckReport(string Checker, IReadOnlyList<string> Violations, IReadOnlyDictionary<string, double> Figures)
{
    /// <summary>The figures on one line, then the first violations.</summary>
    public override string ToString() => string.Join('\n', [
        $"{Checker}: {Violations.Count} violations; {string.Join(", ", Figures.Select(f => string.Create(CultureInfo.InvariantCulture, $"{f.Key} {f.Value:0.#}")))}",
        .. Violations.Take(20).Select(violation => $"  {violation}"),
    ]);

    /// <summary>The value below which so many of the sorted values are; 0 if there are none.</summary>
    internal static double Percentile(IReadOnlyList<double> sorted, double share) =>
        sorted.Count == 0 ? 0 : sorted[Math.Min(sorted.Count - 1, (int)(share * sorted.Count))];
}
