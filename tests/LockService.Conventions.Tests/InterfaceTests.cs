using Microsoft.CodeAnalysis.CSharp.Syntax;
using Xunit;

namespace LockService.Conventions.Tests;

/// <summary>An interface is there because two things in the product differ behind it; doubles in tests do not count.</summary>
public sealed class InterfaceTests
{
    [Fact]
    public void Every_interface_has_two_implementations() => Superfluous(Repository.Product).ShouldBeNone();

    [Fact]
    public void An_interface_with_one_implementation_is_found() =>
        Superfluous([new("src/P/I.cs", "interface IThing<T>;"), new("src/P/A.cs", "class A : IThing<int>;")]).ShouldBeOneAtLine(1);

    [Fact]
    public void An_interface_with_two_implementations_is_not() =>
        Superfluous([
            new("src/P/I.cs", "interface IThing;"),
            new("src/P/A.cs", "record struct A(int X) : P.IThing; class B : IDisposable, IThing;"),
        ]).ShouldBeNone();

    private static IEnumerable<Finding> Superfluous(IReadOnlyList<SourceFile> files)
    {
        ILookup<string, string> implementations = files
            .SelectMany(file => file.Types.OfType<TypeDeclarationSyntax>())
            .Where(type => type is not InterfaceDeclarationSyntax && type.BaseList is not null)
            .SelectMany(type => type.BaseList!.Types.Select(parent => (Parent: SimpleName(parent.Type), Type: type.Identifier.Text)))
            .ToLookup(pair => pair.Parent, pair => pair.Type);
        return from file in files
               from type in file.Types.OfType<InterfaceDeclarationSyntax>()
               let count = implementations[type.Identifier.Text].Distinct().Count()
               where count < 2
               select file.Finding(type.Identifier, $"{type.Identifier.Text} has {count} implementations. An interface needs two.");
    }

    private static string SimpleName(TypeSyntax type) => type switch
    {
        QualifiedNameSyntax qualified => qualified.Right.Identifier.Text,
        SimpleNameSyntax simple => simple.Identifier.Text,
        _ => type.ToString(),
    };
}
