namespace LockService.Conventions.Tests;

/// <summary>The files of this repository, found from where the tests were built.</summary>
internal static class Repository
{
    /// <summary>What .gitignore names, and git's own directory.</summary>
    private static readonly string[] s_notTracked = [".git", "artifacts", ".data", ".vs", ".vscode", "TestResults", "bin", "obj"];

    private static readonly string s_root = FindRoot();

    /// <summary>Every text file that is meant to be tracked.</summary>
    internal static IReadOnlyList<SourceFile> Files { get; } = [.. Walk(s_root).Select(Read).OfType<SourceFile>()];

    /// <summary>The C# files of the product.</summary>
    internal static IReadOnlyList<SourceFile> Product { get; } = [.. Files.Where(file => IsUnder(file, "src/", ".cs"))];

    /// <summary>The C# files of the tests.</summary>
    internal static IReadOnlyList<SourceFile> Tests { get; } = [.. Files.Where(file => IsUnder(file, "tests/", ".cs"))];

    /// <summary>The project files of the product.</summary>
    internal static IReadOnlyList<SourceFile> Projects { get; } =
        [.. Files.Where(file => IsUnder(file, "src/", ".csproj"))];

    internal static SourceFile File(string path) => Files.Single(file => file.Path == path);

    private static string FindRoot()
    {
        string? directory = AppContext.BaseDirectory;
        while (directory is not null && !System.IO.File.Exists(Path.Combine(directory, "LockService.sln")))
        {
            directory = Path.GetDirectoryName(directory);
        }

        return directory ?? throw new InvalidOperationException($"No LockService.sln above {AppContext.BaseDirectory}.");
    }

    private static IEnumerable<string> Walk(string directory) =>
        Directory.EnumerateFileSystemEntries(directory)
            .Where(entry => !s_notTracked.Contains(Path.GetFileName(entry)))
            .SelectMany(entry => Directory.Exists(entry) ? Walk(entry) : [entry]);

    /// <returns>Null if the file is not text.</returns>
    private static SourceFile? Read(string path)
    {
        string text = System.IO.File.ReadAllText(path);
        bool isText = !text.Contains('\0', StringComparison.Ordinal);
        return isText ? new SourceFile(Path.GetRelativePath(s_root, path).Replace('\\', '/'), text) : null;
    }

    private static bool IsUnder(SourceFile file, string directory, string ending) =>
        file.Path.StartsWith(directory, StringComparison.Ordinal) && file.Path.EndsWith(ending, StringComparison.Ordinal);
}
