using LockService.Testing;
using Xunit;

namespace LockService.FaultTests.Controls;

/// <summary>The controls of the suite: what it finds when the service is not what it should be.</summary>
public sealed class ControlTests
{
    [Fact]
    public void Every_guard_that_the_controls_remove_is_where_they_look_for_it()
    {
        Assert.All(Mutants.All, mutant => Assert.All(mutant.Apply(Read), change => Assert.NotEqual(Read(change.Key), change.Value)));
        Assert.Distinct(Mutants.All.Select(mutant => mutant.Name));
    }

    private static string Read(string path) => File.ReadAllText(Repository.File(path));
}
