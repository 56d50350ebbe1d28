using System.Globalization;
using LockService.Benchmarks.Load;
using LockService.Benchmarks.Rows;

namespace LockService.Benchmarks;

/// <summary>The table of medians and ratios. Each line names its run, and below the table each run tells its circumstances.</summary>
internal sealed class Report(PeerOptions options)
{
    private const string Begin = "<!-- benchmarks: written by --markdown -->";
    private const string End = "<!-- end of benchmarks -->";

    private static readonly string[] s_head =
    [
        "| what | service | against | theirs | ratio | target | run |",
        "|---|--:|---|--:|--:|--:|---|",
    ];

    private readonly string _run = TimeProvider.System.GetUtcNow().ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture);
    private readonly List<string> _lines = [];
    private readonly List<double> _loadMicroseconds = [];

    /// <summary>One round in words.</summary>
    internal static string Details(Figure figure)
    {
        string cpu = figure.LoadMicroseconds > 0
            ? Text($", CPU per request {figure.ServerMicroseconds:F1} µs in the server, {figure.LoadMicroseconds:F1} µs in the load")
            : "";
        return Text($"{figure.PerSecond:N0}/s{cpu}{Errors(figure)}{(figure.FirstError is { } first ? $", the first: {first}" : "")}");
    }

    /// <summary>Adds the lines of one pair.</summary>
    internal void Add(Row row, IReadOnlyCollection<Figure> ours, Entrant against, IReadOnlyCollection<Figure> theirs)
    {
        (Figure our, Figure their) = (Figure.Median(ours), Figure.Median(theirs));
        string target = against.Target is { } atLeast ? Text($"≥ {atLeast}x") : "";
        Add(Line(row.Title, Text($"{our.PerSecond:N0}{Errors(our)}"), against, Text($"{their.PerSecond:N0}{Errors(their)}"), our.PerSecond / their.PerSecond, target));
        _loadMicroseconds.AddRange(((double[])[our.LoadMicroseconds, their.LoadMicroseconds]).Where(time => time > 0));
        if (against.CpuLimit is { } atMost)
        {
            Add(Line(
                $"CPU per request, {row.Title}",
                Text($"{our.ServerMicroseconds:F1} µs"),
                against,
                Text($"{their.ServerMicroseconds:F1} µs"),
                our.ServerMicroseconds / their.ServerMicroseconds,
                Text($"≤ {atMost}x")));
        }
    }

    /// <summary>Adds a line of all columns but the run's.</summary>
    internal void Add(string line) => _lines.Add($"{line} {_run} |");

    internal void Print(TextWriter output)
    {
        foreach (string line in (string[])["", .. s_head, .. _lines, "", Foot()])
        {
            output.WriteLine(line);
        }
    }

    /// <summary>
    /// Brings the file's table up to date: lines of the same row and peer are replaced, others stay with the run they come from, new ones come
    /// last.
    /// </summary>
    internal void UpdateTable(string path)
    {
        List<string> text = [.. File.ReadAllLines(path)];
        (int begin, int end) = (text.IndexOf(Begin), text.IndexOf(End));
        if (begin < 0 || end < begin)
        {
            throw new InvalidOperationException($"{path} has no lines '{Begin}' and '{End}' between which the table could be put.");
        }

        List<string> before = text[(begin + 1)..end];
        List<string> table = [.. before.Where(line => line.StartsWith('|') && !s_head.Contains(line))];
        foreach (string line in _lines)
        {
            int same = table.FindIndex(old => Identity(old) == Identity(line));
            if (same < 0)
            {
                table.Add(line);
            }
            else
            {
                table[same] = line;
            }
        }

        // Runs of which no line is left have nothing more to tell.
        IEnumerable<string> feet = before.Where(line => IsFoot(line) && table.Exists(row => row.EndsWith($" {RunOf(line)} |", StringComparison.Ordinal)));
        text.RemoveRange(begin + 1, end - begin - 1);
        text.InsertRange(begin + 1, [.. s_head, .. table, "", .. feet, Foot()]);
        File.WriteAllLines(path, text);
    }

    private static (string What, string Against) Identity(string line)
    {
        string[] cells = line.Split('|');
        return (cells[1], cells[3]);
    }

    private static bool IsFoot(string line) => line.StartsWith("- ", StringComparison.Ordinal);

    private static string RunOf(string foot) => foot[2..foot.IndexOf(';', StringComparison.Ordinal)];

    private static string Line(string what, string ours, Entrant against, string theirs, double ratio, string target) =>
        Text($"| {what} | {ours} | {against.Contender.Name} | {theirs} | {ratio:0.##}x | {target} |");

    private static string Errors(Figure figure) => figure.Errors > 0 ? Text($" ({figure.Errors} errors)") : "";

    private string Foot()
    {
        string load = _loadMicroseconds.Count == 0
            ? ""
            : Text($" The HTTP load generator took {_loadMicroseconds.Min():F1} to {_loadMicroseconds.Max():F1} µs of CPU per request, on the same cores.");
        return Text($"- {_run}; {Machine.Describe()} Medians of {options.Rounds} rounds of {options.Duration.TotalSeconds} s after a warm-up, by turns; {options.Instances} instance(s) of the service; one ZooKeeper and one etcd, each answering when the disk has it.{load}");
    }

    private static string Text(FormattableString text) => FormattableString.Invariant(text);
}
