using System.Globalization;
using LockService.Benchmarks.Load;

namespace LockService.Benchmarks.Contenders;

/// <summary>A program that works straight on ZooKeeper with a library's own recipes, and counts by itself.</summary>
/// <param name="name">As the table calls it.</param>
/// <param name="program">The program; it answers <c>operation threads seconds</c> with <c>cycles seconds errors</c>.</param>
/// <param name="operation">The operation and the number of threads.</param>
internal sealed class ClientContender(string name, LoadProcess program, string operation) : IContender
{
    public string Name => name;

    public async Task<Figure> RunAsync(TimeSpan duration)
    {
        double[] answer = await program.AskAsync(string.Create(CultureInfo.InvariantCulture, $"{operation} {duration.TotalSeconds}"));
        return new Figure { PerSecond = answer[0] / answer[1], Errors = (long)answer[2] };
    }

    /// <summary>The program serves other rows too.</summary>
    public void Dispose()
    {
    }
}
