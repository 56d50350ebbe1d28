namespace LockService.Testing;

/// <summary>The files of the repository that the tests were built from.</summary>
public static class Repository
{
    /// <summary>The top folder: the one that has the solution.</summary>
    public static string Root { get; } = Find(AppContext.BaseDirectory);

    /// <summary>The full path of a file, given relative to the top.</summary>
    public static string File(string path) => Path.Combine(Root, path);

    private static string Find(string directory) =>
        System.IO.File.Exists(Path.Combine(directory, "LockService.sln"))
            ? directory
            : Find(Path.GetDirectoryName(directory) ?? throw new InvalidOperationException("The tests do not run inside the repository."));
}
