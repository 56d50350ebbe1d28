using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Xunit;

namespace LockService.Conventions.Tests;

/// <summary>A test that does not run proves nothing and is forgotten: fix it or delete it.</summary>
public sealed class SkippedTests
{
    [Fact]
    public void No_test_is_skipped() => Repository.Tests.SelectMany(Skipped).ShouldBeNone();

    [Theory]
    [InlineData("class A { [Fact(Skip = \"flaky\")] void B() { } }")]
    [InlineData("class A { [Theory(DisplayName = \"x\", Skip = Reasons.Slow)] void B() { } }")]
    [InlineData("class SlowFactAttribute : FactAttribute { public SlowFactAttribute() { Skip = \"slow\"; } }")]
    public void A_skipped_test_is_found(string text) => Skipped(new SourceFile("tests/P/A.cs", text)).ShouldBeOneAtLine(1);

    private static IEnumerable<Finding> Skipped(SourceFile file) =>
        file.Nodes<AttributeArgumentSyntax>()
            .Where(argument => argument.NameEquals?.Name.Identifier.Text == "Skip")
            .Concat<SyntaxNode>(file.Nodes<AssignmentExpressionSyntax>()
                .Where(assignment => assignment.Left.ToString() is "Skip" or "this.Skip"))
            .Select(place => file.Finding(place, "A skipped test. Fix it, or delete it."));
}
