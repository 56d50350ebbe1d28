using Xunit;

namespace LockService.Conventions.Tests;

/// <summary>One place that breaks a house rule.</summary>
/// <param name="Path">The file, relative to the repository.</param>
/// <param name="Line">The line, from 1.</param>
/// <param name="Message">What is wrong there and what to do instead.</param>
internal sealed record Finding(string Path, int Line, string Message)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Path}:{Line}: {Message}";
}

/// <summary>What a rule found, as the outcome of a test.</summary>
internal static class Findings
{
    /// <summary>Fails with one line per finding.</summary>
    internal static void ShouldBeNone(this IEnumerable<Finding> findings)
    {
        List<Finding> all = [.. findings];
        if (all.Count > 0)
        {
            Assert.Fail(string.Join('\n', all));
        }
    }

    /// <summary>Proves that a rule can fail: it finds exactly one thing in a bad sample, on this line.</summary>
    internal static void ShouldBeOneAtLine(this IEnumerable<Finding> findings, int line) =>
        Assert.Equal(line, Assert.Single(findings).Line);
}
