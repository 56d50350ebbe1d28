using LockService.Benchmarks.Load;

namespace LockService.Benchmarks.Contenders;

/// <summary>A library at the number of threads at which it does best; the first run finds out which.</summary>
internal sealed class BestThreadCount(string name, LoadProcess program, string operation, params int[] counts) : IContender
{
    private ClientContender? _best;

    public string Name { get; } = $"{name}, best of {string.Join(", ", counts)} threads";

    public async Task<Figure> RunAsync(TimeSpan duration) => await (_best ??= await FindAsync(duration)).RunAsync(duration);

    /// <summary>The program serves other rows too.</summary>
    public void Dispose()
    {
    }

    private async Task<ClientContender> FindAsync(TimeSpan duration)
    {
        ClientContender? best = null;
        double most = -1;
        foreach (int count in counts)
        {
            var candidate = new ClientContender($"{name}, {count} threads", program, $"{operation} {count}");
            Figure figure = await candidate.RunAsync(duration);
            Console.WriteLine($"  {candidate.Name}: {Report.Details(figure)}");
            (best, most) = figure.PerSecond > most ? (candidate, figure.PerSecond) : (best, most);
        }

        return best!;
    }
}
