using Xunit;

namespace LockService.Conventions.Tests;

public sealed class SizeTests
{
    private const int LongestFile = 400;

    [Fact]
    public void No_source_file_has_more_than_400_lines() =>
        Repository.Product.Concat(Repository.Tests).SelectMany(TooLong).ShouldBeNone();

    [Fact]
    public void A_file_of_401_lines_is_found() =>
        TooLong(new SourceFile("src/P/A.cs", new string('\n', 400) + "x\n")).ShouldBeOneAtLine(401);

    [Fact]
    public void A_file_of_400_lines_is_not() => TooLong(new SourceFile("src/P/A.cs", new string('\n', 399) + "x\n")).ShouldBeNone();

    private static IEnumerable<Finding> TooLong(SourceFile file)
    {
        if (file.Lines.Count > LongestFile)
        {
            yield return new Finding(
                file.Path, file.Lines.Count, $"More than {LongestFile} lines are a design fault. Split the file by concept.");
        }
    }
}
