using LockService.FaultTests.Reports;
using LockService.Testing;
using LockService.Testing.Histories;
using Xunit;
using Xunit.Abstractions;

namespace LockService.FaultTests.Controls;

/// <summary>
/// The controls of the suite: what it finds when the service is not what it should be. <c>LOCKSERVICE_FAULT_CONTROLS</c> asks for the runs, with 1 for all
/// mutants, or with the names of some.
/// </summary>
public sealed class ControlTests(ITestOutputHelper output)
{
    private const int Seed = 1;

    /// <summary>How long faults strike, in the first run and in another one if that found nothing.</summary>
    private static readonly TimeSpan[] s_durations = [TimeSpan.FromSeconds(30), TimeSpan.FromSeconds(120)];

    [Fact]
    public async Task The_suite_finds_every_guard_that_is_missing()
    {
        Assert.All(Mutants.All, mutant => Assert.All(mutant.Apply(Read), change => Assert.NotEqual(Read(change.Key), change.Value)));
        Assert.Distinct(Mutants.All.Select(mutant => mutant.Name));

        var missed = new List<string>();
        using var build = new MutantBuild();
        foreach (Mutant mutant in Wanted())
        {
            string assembly = await build.BuildAsync(mutant);
            if (!await IsFoundAsync(mutant, assembly))
            {
                missed.Add($"{mutant.Name}: {mutant.Checker}");
            }
        }

        Assert.Empty(missed);
    }

    private async Task<bool> IsFoundAsync(Mutant mutant, string assembly)
    {
        for (int run = 0; run < s_durations.Length; run++)
        {
            var options = new FaultRunOptions { Assembly = assembly, Duration = s_durations[run], Seed = Seed + run, Nemeses = mutant.Nemeses };
            FaultReport report = await new FaultRun(options).RunAsync();
            CheckReport[] found = [.. report.Reports.Where(one => one.Violations.Count > 0)];
            string summary = found.Length == 0 ? "nothing" : string.Join(", ", found.Select(one => $"{one.Checker} {one.Violations.Count}"));
            await TellAsync($"{mutant.Name}: {summary} within {s_durations[run].TotalSeconds} s of faults");
            CheckReport? expected = Array.Find(found, one => one.Checker.StartsWith(mutant.Checker, StringComparison.Ordinal));
            if (expected is not null)
            {
                await TellAsync($"  {expected.Violations[0]}");
                return true;
            }
        }

        return false;
    }

    private async Task TellAsync(string line)
    {
        output.WriteLine(line);
        string file = Repository.File("artifacts/test-results/controls.txt");
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        await File.AppendAllTextAsync(file, line + "\n");
    }

    private static IEnumerable<Mutant> Wanted()
    {
        string[] asked = (Environment.GetEnvironmentVariable("LOCKSERVICE_FAULT_CONTROLS") ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries);
        string[] unknown = [.. asked.Except(Mutants.All.Select(mutant => mutant.Name)).Except(["1"])];
        return unknown.Length > 0 ? throw new InvalidOperationException($"There are no mutants {string.Join(", ", unknown)}.")
            : Mutants.All.Where(mutant => asked.Contains("1") || asked.Contains(mutant.Name));
    }

    private static string Read(string path) => File.ReadAllText(Repository.File(path));
}
