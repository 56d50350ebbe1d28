using System.Globalization;

namespace LockService.Benchmarks;

/// <summary>How a comparison with peers is run.</summary>
internal sealed record PeerOptions
{
    internal const string Usage =
        "dotnet run -c Release --project tests/LockService.Benchmarks -- peers [--rounds N] [--seconds S] [--rows a,b] [--instances N] [--markdown FILE]";

    /// <summary>Rounds after the warm-up, of which the median counts. Default 5, at least 1.</summary>
    internal int Rounds { get; private init; } = 5;

    /// <summary>How long each contender works in each round. Default 3 s, more than 0.</summary>
    internal TimeSpan Duration { get; private init; } = TimeSpan.FromSeconds(3);

    /// <summary>Keys of rows. Default: none, which means those that are measured by default.</summary>
    internal IReadOnlyCollection<string> Rows { get; private init; } = [];

    /// <summary>Instances of the service. Default 1, at least 1.</summary>
    internal int Instances { get; private init; } = 1;

    /// <summary>The file whose table is brought up to date. Default: none.</summary>
    internal string? Markdown { get; private init; }

    /// <exception cref="ArgumentException">An option is not known, or has no value or a wrong one.</exception>
    internal static PeerOptions Parse(string[] arguments)
    {
        var options = new PeerOptions();
        foreach (string[] pair in arguments.Chunk(2))
        {
            string value = pair.Length == 2 ? pair[1] : throw new ArgumentException($"{pair[0]} has no value.");
            options = pair[0] switch
            {
                "--rounds" => options with { Rounds = (int)Positive(pair[0], value) },
                "--seconds" => options with { Duration = TimeSpan.FromSeconds(Positive(pair[0], value)) },
                "--rows" => options with { Rows = value.Split(',') },
                "--instances" => options with { Instances = (int)Positive(pair[0], value) },
                "--markdown" => options with { Markdown = value },
                _ => throw new ArgumentException($"There is no option {pair[0]}."),
            };
        }

        return options;
    }

    private static double Positive(string option, string value) =>
        double.TryParse(value, CultureInfo.InvariantCulture, out double number) && number > 0
            ? number
            : throw new ArgumentException($"{option} must be a number greater than 0.");
}
