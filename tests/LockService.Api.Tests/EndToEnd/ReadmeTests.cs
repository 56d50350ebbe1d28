using System.Diagnostics;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using LockService.Testing;
using Xunit;

namespace LockService.Api.Tests.EndToEnd;

/// <summary>Runs every console line of the README, in order, and compares the answers with those it shows.</summary>
public sealed class ReadmeTests : IAsyncLifetime
{
    private const string End = "--end-of-answer--";

    /// <summary>Members whose values differ from run to run; their presence and kind are compared.</summary>
    private static readonly HashSet<string> s_volatile =
    [
        "leaseId", "fencingToken", "waitedMs", "acquiredAt", "expiresAt", "remainingMs", "retryAfterMs", "traceId", "version", "modifiedAt",
        "messageId", "next", "enqueuedAt", "instanceId", "sessionId", "server", "ensemble",
    ];

    private ZooKeeperServer _zooKeeper = null!;
    private ServiceProcess _service = null!;

    public async Task InitializeAsync()
    {
        _zooKeeper = await ZooKeeperServer.StartNewAsync();
        _service = await ServiceProcess.StartAsync(Path.Combine(AppContext.BaseDirectory, "LockService.Api.dll"), _zooKeeper.ConnectString);
        await _service.ReadyAsync();
    }

    public async Task DisposeAsync()
    {
        await _service.DisposeAsync();
        await _zooKeeper.DisposeAsync();
    }

    [Fact]
    public async Task Every_line_of_the_walk_gives_what_the_README_shows()
    {
        (string Command, string Shown)[] lines = [.. Lines(await File.ReadAllTextAsync(Repository.File("README.md")))];
        Assert.True(lines.Length >= 15, $"the README has only {lines.Length} lines to run");

        string[] answers = await RunAsync(lines.Select(line => line.Command.Replace(
            "http://127.0.0.1:8080", _service.Address.ToString().TrimEnd('/'), StringComparison.Ordinal)));

        Assert.All(lines.Zip(answers), pair => AssertSame(pair.First.Command, pair.First.Shown, pair.Second));
    }

    private static IEnumerable<(string Command, string Shown)> Lines(string readme)
    {
        foreach (Match block in Regex.Matches(readme, "```console\n(.*?)```", RegexOptions.Singleline))
        {
            foreach (string line in block.Groups[1].Value.Split("$ ", StringSplitOptions.RemoveEmptyEntries))
            {
                int end = line.IndexOf('\n', StringComparison.Ordinal);
                yield return (line[..end], line[(end + 1)..].Trim());
            }
        }
    }

    private static async Task<string[]> RunAsync(IEnumerable<string> commands)
    {
        string directory = Directory.CreateTempSubdirectory("lockservice-readme-").FullName;
        try
        {
            var script = new StringBuilder();
            foreach (string command in commands)
            {
                script.Append(command).Append($"\necho; echo {End}\n");
            }

            using Process bash = Process.Start(new ProcessStartInfo("bash", ["-c", script.ToString()])
            {
                WorkingDirectory = directory,
                RedirectStandardOutput = true,
            })!;
            string output = await bash.StandardOutput.ReadToEndAsync();
            await bash.WaitForExitAsync();
            return [.. output.Split(End).Select(answer => answer.Trim()).SkipLast(1)];
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static void AssertSame(string command, string shown, string answer)
    {
        if (!shown.StartsWith('{'))
        {
            Assert.True(shown == answer, $"{command}\nshown:  {shown}\nanswer: {answer}");
            return;
        }

        string difference = Difference("", JsonSerializer.Deserialize<JsonElement>(shown), JsonSerializer.Deserialize<JsonElement>(answer));
        Assert.True(difference.Length == 0, $"{command}\n{difference}\nshown:  {shown}\nanswer: {answer}");
    }

    private static string Difference(string at, JsonElement shown, JsonElement answer)
    {
        if (shown.ValueKind != answer.ValueKind)
        {
            return $"{at}: {shown.ValueKind} is shown, {answer.ValueKind} answered";
        }

        switch (shown.ValueKind)
        {
            case JsonValueKind.Object:
                string[] names = [.. shown.EnumerateObject().Select(member => member.Name)];
                string[] answered = [.. answer.EnumerateObject().Select(member => member.Name)];
                return !names.SequenceEqual(answered)
                    ? $"{at}: {string.Join(',', names)} are shown, {string.Join(',', answered)} answered"
                    : string.Concat(names.Select(name => Difference($"{at}/{name}", shown.GetProperty(name), answer.GetProperty(name))));
            case JsonValueKind.Array:
                return shown.GetArrayLength() != answer.GetArrayLength()
                    ? $"{at}: {shown.GetArrayLength()} items are shown, {answer.GetArrayLength()} answered"
                    : string.Concat(shown.EnumerateArray().Zip(answer.EnumerateArray()).Select((pair, i) => Difference($"{at}/{i}", pair.First, pair.Second)));
            default:
                bool same = shown.GetRawText() == answer.GetRawText() || s_volatile.Any(name => at.Split('/').Contains(name));
                return same ? "" : $"{at}: {shown} is shown, {answer} answered";
        }
    }
}
