using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Xunit;

namespace LockService.Conventions.Tests;

/// <summary>
/// Whoever sets an option reads only its comment: it states the default, unless the option is required, and for quantities the range.
/// </summary>
public sealed partial class OptionsTests
{
    private static readonly string[] s_quantities =
        ["int", "long", "short", "byte", "uint", "ulong", "double", "float", "decimal", "TimeSpan"];

    [Fact]
    public void Options_state_their_default_and_range() => Repository.Product.SelectMany(Undocumented).ShouldBeNone();

    [Theory]
    [InlineData("", "int")]
    [InlineData("/// <summary>How many. Range 1 to 10.</summary>", "int")]
    [InlineData("/// <summary>How long. Default 10 s.</summary>", "System.TimeSpan?")]
    [InlineData("// How many. Default 5, range 1 to 10.", "int")]
    [InlineData("/// <summary>The node.</summary>", "string")]
    public void An_undocumented_option_is_found(string comment, string type) => Undocumented(Option(comment, type)).ShouldBeOneAtLine(4);

    [Theory]
    [InlineData("/// <summary>How many. Default 5, range 1 to 10.</summary>", "int")]
    [InlineData("/// <summary>How long it lives. No default; 500 ms to 24 h.</summary>", "TimeSpan")]
    [InlineData("/// <summary>The node. Default: <c>/lockservice</c>.</summary>", "string")]
    public void A_documented_option_is_not(string comment, string type) => Undocumented(Option(comment, type)).ShouldBeNone();

    [Fact]
    public void Only_what_can_be_set_from_outside_is_an_option() =>
        Undocumented(Options("internal int A { get; init; } public int B => 1; public int C { get; }")).ShouldBeNone();

    [Fact]
    public void Options_within_options_speak_for_themselves() =>
        Undocumented(Options("public Other.BOptions B { get; init; } = new();")).ShouldBeNone();

    [Fact]
    public void A_required_option_needs_no_default_but_a_range() =>
        Undocumented(Options("public required string A { get; init; }\npublic required int B { get; init; }")).ShouldBeOneAtLine(2);

    private static SourceFile Options(string members) => new("src/P/AOptions.cs", $"record AOptions {{ {members} }}");

    private static SourceFile Option(string comment, string type) =>
        new("src/P/AOptions.cs", $"sealed record AOptions\n{{\n    {comment}\n    public {type} Value {{ get; init; }}\n}}\n");

    private static IEnumerable<Finding> Undocumented(SourceFile file) =>
        from type in file.Types.OfType<TypeDeclarationSyntax>()
        where type.Identifier.Text.EndsWith("Options", StringComparison.Ordinal)
        from property in type.Members.OfType<PropertyDeclarationSyntax>()
        where IsPublic(property) && IsSettable(property)
        let missing = Missing(property)
        where missing is not null
        select file.Finding(
            property.Identifier, $"The comment of {type.Identifier.Text}.{property.Identifier.Text} does not state {missing}.");

    private static bool IsPublic(PropertyDeclarationSyntax property) => property.Modifiers.Any(SyntaxKind.PublicKeyword);

    private static bool IsSettable(PropertyDeclarationSyntax property) =>
        property.AccessorList?.Accessors.Any(accessor =>
            accessor.Modifiers.Count == 0
            && accessor.Kind() is SyntaxKind.InitAccessorDeclaration or SyntaxKind.SetAccessorDeclaration) ?? false;

    private static string? Missing(PropertyDeclarationSyntax property)
    {
        string comment = string.Concat(property.GetLeadingTrivia()
            .Where(trivia => trivia.IsKind(SyntaxKind.SingleLineDocumentationCommentTrivia))
            .Select(trivia => trivia.ToFullString()));
        string type = property.Type.ToString().TrimEnd('?').Split('.')[^1];
        bool hasDefault = !property.Modifiers.Any(SyntaxKind.RequiredKeyword) && !type.EndsWith("Options", StringComparison.Ordinal);
        if (hasDefault && !comment.Contains("default", StringComparison.OrdinalIgnoreCase))
        {
            return "its default";
        }

        return s_quantities.Contains(type) && !Range().IsMatch(comment) ? "its range" : null;
    }

    /// <summary>"range 1 to 10" or "500 ms to 24 h".</summary>
    [GeneratedRegex(@"\brange\b|\d[^.;]*\bto\b[^.;]*\d", RegexOptions.IgnoreCase)]
    private static partial Regex Range();
}
