using System.Globalization;
using LockService.FaultTests.Nemeses;
using LockService.FaultTests.Reports;
using LockService.Testing;
using Xunit;
using Xunit.Abstractions;

namespace LockService.FaultTests;

/// <summary>
/// The suite. <c>LOCKSERVICE_FAULT_MINUTES</c> is how long faults strike; without it a short run with the same seed every time, without the faults
/// that last longest. <c>LOCKSERVICE_SEED</c> repeats a run's choices.
/// </summary>
public sealed class FaultSuiteTests(ITestOutputHelper output)
{
    private const int ShortSeed = 20_261;
    private static readonly TimeSpan s_short = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan s_calm = TimeSpan.FromSeconds(60);

    /// <summary>Until the six processes have compiled what they run often, which keeps two cores busy for half a minute.</summary>
    private static readonly TimeSpan s_warmUp = TimeSpan.FromSeconds(45);

    [Fact]
    public async Task No_promise_is_broken_whatever_breaks()
    {
        double? minutes = Number("LOCKSERVICE_FAULT_MINUTES");
        var options = new FaultRunOptions
        {
            Duration = minutes is { } given ? TimeSpan.FromMinutes(given) : s_short,
            Seed = (int?)Number("LOCKSERVICE_SEED") ?? (minutes is null ? ShortSeed : Random.Shared.Next(1_000_000)),
            Nemeses = minutes is null ? NemesisSet.Short() : NemesisSet.Long(),
        };
        options = minutes is null ? options : options with { WarmUp = s_warmUp, Calm = s_calm };
        output.WriteLine($"LOCKSERVICE_SEED={options.Seed}");

        FaultReport report = await new FaultRun(options).RunAsync();
        output.WriteLine(report.ToString());
        string file = Repository.File("artifacts/test-results/faults.txt");
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        await File.WriteAllTextAsync(file, report + "\n");

        Assert.Empty(report.Violations);
        Assert.NotEmpty(report.Recoveries);
    }

    private static double? Number(string variable) =>
        double.TryParse(Environment.GetEnvironmentVariable(variable), NumberStyles.Float, CultureInfo.InvariantCulture, out double number) ? number : null;
}
