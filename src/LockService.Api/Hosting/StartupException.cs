using System.Net.Sockets;

namespace LockService.Api.Hosting;

/// <summary>The service cannot start, for reasons that its operator can mend: one line each, and no stack trace.</summary>
internal sealed class StartupException(IReadOnlyList<string> mistakes) : Exception(string.Join(Environment.NewLine, mistakes))
{
    internal IReadOnlyList<string> Mistakes { get; } = mistakes;

    /// <summary>Sorts what building and starting throw.</summary>
    /// <returns>Null for what is no mistake of the operator, but a defect.</returns>
    internal static StartupException? From(Exception exception) => exception switch
    {
        StartupException e => e,
        InvalidDataException e => new([e.InnerException is null ? e.Message : $"{e.Message} {e.InnerException.Message}"]),
        FormatException e => new([e.Message]),
        IOException e => new([e.Message]),
        SocketException e => new([$"The service cannot listen: {e.Message}."]),
        InvalidOperationException e => new([e.Message]),
        _ => null,
    };

    /// <summary>Tells the operator.</summary>
    /// <returns>The process's exit code.</returns>
    internal int Report()
    {
        foreach (string mistake in Mistakes)
        {
            Console.Error.WriteLine($"lockservice: {mistake.ReplaceLineEndings(" ")}");
        }

        return 1;
    }
}
