using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace LockService.Conventions.Tests;

/// <summary>One text file of the repository, or a sample in place of one.</summary>
/// <param name="path">Relative to the repository, with forward slashes.</param>
/// <param name="text">The whole text.</param>
internal sealed class SourceFile(string path, string text)
{
    private readonly Lazy<SyntaxNode> _syntax = new(() => CSharpSyntaxTree.ParseText(text).GetRoot());

    internal string Path { get; } = path;

    internal string Text { get; } = text;

    internal IReadOnlyList<string> Lines { get; } = text.ReplaceLineEndings("\n").TrimEnd('\n').Split('\n');

    /// <summary>The syntax tree, if this is C#.</summary>
    internal SyntaxNode Syntax => _syntax.Value;

    /// <summary>The project's name: the second part of the path.</summary>
    internal string Project => Path.Split('/')[1];

    /// <summary>The folders between the project and the file.</summary>
    internal IReadOnlyList<string> Folders => Path.Split('/')[2..^1];

    /// <summary>All types declared in the file, nested ones included.</summary>
    internal IEnumerable<BaseTypeDeclarationSyntax> Types => Nodes<BaseTypeDeclarationSyntax>();

    internal IEnumerable<T> Nodes<T>()
        where T : SyntaxNode =>
        Syntax.DescendantNodes().OfType<T>();

    internal Finding Finding(SyntaxNodeOrToken place, string message) =>
        new(Path, place.GetLocation()!.GetLineSpan().StartLinePosition.Line + 1, message);

    internal Finding Finding(SyntaxTrivia place, string message) =>
        new(Path, place.GetLocation().GetLineSpan().StartLinePosition.Line + 1, message);

    /// <summary>A finding for each line that meets the condition.</summary>
    internal IEnumerable<Finding> LinesWhere(Func<string, bool> condition, string message) =>
        Lines.Index().Where(line => condition(line.Item)).Select(line => new Finding(Path, line.Index + 1, message));
}
