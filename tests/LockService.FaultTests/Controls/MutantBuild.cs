using System.Diagnostics;
using LockService.Testing;

namespace LockService.FaultTests.Controls;

/// <summary>
/// Builds mutants, one after the other, in one copy of the sources, away from the repository and its artifacts: of each, only what its change
/// concerns is compiled anew. Copy and mutants go with the instance.
/// </summary>
internal sealed class MutantBuild : IDisposable
{
    /// <summary>What a build of the service needs beside its sources.</summary>
    private static readonly string[] s_settings =
        ["Directory.Build.props", "Directory.Packages.props", "global.json", ".editorconfig", "BannedSymbols.txt"];

    private readonly DirectoryInfo _copy = Directory.CreateTempSubdirectory("lockservice-mutants-");

    internal MutantBuild()
    {
        foreach (string path in s_settings)
        {
            File.Copy(Repository.File(path), Inside(path));
        }

        foreach (string file in Directory.EnumerateFiles(Repository.File("src"), "*", SearchOption.AllDirectories))
        {
            string copy = Inside(Path.GetRelativePath(Repository.Root, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
        }
    }

    /// <summary>Changes the sources, builds, and changes them back.</summary>
    /// <returns>The mutant's assembly.</returns>
    /// <exception cref="InvalidOperationException">The mutant cannot be applied any more, or does not compile.</exception>
    internal async Task<string> BuildAsync(Mutant mutant)
    {
        string output = Inside($"out/{mutant.Name}");
        IReadOnlyDictionary<string, string> changed = mutant.Apply(path => File.ReadAllText(Inside(path)));
        try
        {
            await WriteAsync(changed.Keys, path => changed[path]);
            await CompileAsync(mutant, output);
        }
        finally
        {
            await WriteAsync(changed.Keys, path => File.ReadAllText(Repository.File(path)));
        }

        return Path.Combine(output, "LockService.Api.dll");
    }

    public void Dispose() => _copy.Delete(recursive: true);

    private async Task WriteAsync(IEnumerable<string> paths, Func<string, string> text)
    {
        foreach (string path in paths)
        {
            await File.WriteAllTextAsync(Inside(path), text(path));
        }
    }

    /// <summary>A mutant need not meet the rules of style: no analyzer looks at it. No server of the compiler stays behind.</summary>
    private async Task CompileAsync(Mutant mutant, string output)
    {
        string[] arguments =
        [
            "build", Inside("src/LockService.Api"), "-c", "Release", "-o", output, "--nologo", "-v", "quiet", "-nodeReuse:false",
            "-p:RunAnalyzers=false", "-p:TreatWarningsAsErrors=false", "-p:UseSharedCompilation=false",
        ];
        using Process process = Process.Start(new ProcessStartInfo("dotnet", arguments) { RedirectStandardOutput = true, WorkingDirectory = _copy.FullName })!;
        string printed = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        if (process.ExitCode != 0)
        {
            throw new InvalidOperationException($"Mutant {mutant.Name} does not compile:\n{printed}");
        }
    }

    private string Inside(string path) => Path.Combine(_copy.FullName, path);
}
