using LockService.Benchmarks.Load;
using LockService.Benchmarks.Rows;

namespace LockService.Benchmarks;

/// <summary>The service beside those who do the same work, by turns in one run on one machine.</summary>
internal sealed class PeerComparison(PeerOptions options)
{
    /// <summary>Turns of the warm-up; more than one, since all who work on ZooKeeper find it cold in the first.</summary>
    private const int WarmUps = 2;

    private static readonly TimeSpan s_warmUp = TimeSpan.FromSeconds(3);

    internal static async Task<int> RunAsync(string[] arguments)
    {
        PeerOptions options;
        IReadOnlyList<Row> rows;
        try
        {
            options = PeerOptions.Parse(arguments);
            rows = AllRows.Choose(options.Rows);
        }
        catch (ArgumentException e)
        {
            Console.Error.WriteLine($"{e.Message}\n{PeerOptions.Usage}");
            return 2;
        }

        var report = new Report(options);
        await using Site site = await Site.StartAsync(options.Instances);
        var comparison = new PeerComparison(options);
        foreach (Row row in rows)
        {
            await comparison.MeasureAsync(row, site, report);
        }

        if (options.Rows.Contains(MemoryRow.Key))
        {
            await MemoryRow.MeasureAsync(report);
        }

        report.Print(Console.Out);
        if (options.Markdown is { } path)
        {
            report.UpdateTable(path);
        }

        return 0;
    }

    private async Task MeasureAsync(Row row, Site site, Report report)
    {
        IReadOnlyList<Entrant> entrants = await row.PrepareAsync(site);
        Dictionary<Entrant, List<Figure>> figures = entrants.ToDictionary(entrant => entrant, _ => new List<Figure>());
        Console.WriteLine(row.Title);
        foreach (Entrant entrant in Enumerable.Repeat(entrants, WarmUps).SelectMany(turn => turn))
        {
            Print("warm-up", entrant, await entrant.Contender.RunAsync(s_warmUp));
        }

        for (int round = 1; round <= options.Rounds; round++)
        {
            foreach (Entrant entrant in entrants)
            {
                Figure figure = await entrant.Contender.RunAsync(options.Duration);
                figures[entrant].Add(figure);
                Print($"round {round}", entrant, figure);
            }
        }

        foreach (Entrant entrant in entrants.Skip(1))
        {
            report.Add(row, figures[entrants[0]], entrant, figures[entrant]);
        }

        foreach (Entrant entrant in entrants)
        {
            entrant.Contender.Dispose();
        }
    }

    private static void Print(string phase, Entrant entrant, Figure figure) =>
        Console.WriteLine($"  {phase}, {entrant.Contender.Name}: {Report.Details(figure)}");
}
