using System.Text.RegularExpressions;
using LockService.Testing;
using Xunit;

namespace LockService.ZooKeeper.Tests;

/// <summary>The examples of the project's README, run; one more test compares them with what stands there.</summary>
[Collection(SharedZooKeeper.Name)]
public sealed class ReadmeTests(ZooKeeperFixture zookeeper)
{
    [Fact]
    public async Task Connect_write_read()
    {
        string servers = await NewServersAsync();

        await using var client = new ZooKeeperClient(new ZooKeeperOptions { Servers = ConnectString.Parse(servers) });

        CreatedNode created = await client.CreateAsync("/config", "v1"u8.ToArray());
        NodeData? read = await client.GetDataAsync("/config");

        Assert.Equal(created.Stat, read?.Stat);
        Assert.Equal("v1"u8.ToArray(), read?.Data.ToArray());
    }

    [Theory]
    [InlineData(false, "changed")]
    [InlineData(true, "somebody else was faster")]
    public async Task Change_what_nobody_else_has_changed(bool overtaken, string expected)
    {
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync());
        await client.CreateAsync("/config", "v1"u8.ToArray());
        if (overtaken)
        {
            await client.SetDataAsync("/config", "v3"u8.ToArray(), 0);
        }

        string outcome = "changed";
        try
        {
            await client.SetDataAsync("/config", "v2"u8.ToArray(), version: 0);
        }
        catch (RequestRefusedException e) when (e.Code == ErrorCode.BadVersion)
        {
            outcome = "somebody else was faster";
        }
        catch (ZooKeeperException e)
        {
            // The connection was lost at a bad moment. Only the caller can know what to do: here, to read again.
            outcome = e.Outcome == RequestOutcome.Unknown ? "perhaps changed" : "not changed";
        }

        Assert.Equal(expected, outcome);
    }

    [Fact]
    public async Task All_or_nothing()
    {
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync());
        await client.CreateAsync("/config");
        await client.SetDataAsync("/config", default, 0);
        await client.CreateAsync("/jobs");
        await client.CreateAsync("/draft");

        TransactionResult result = await client.CommitAsync(new Transaction()
            .Check("/config", 1)
            .Create("/jobs/job-", "work"u8.ToArray(), CreateMode.PersistentSequential)
            .Delete("/draft"));

        string? job = result.Committed ? result.Parts[1].Path : null;

        Assert.Equal("/jobs/job-0000000000", job);
    }

    [Fact]
    public async Task Wait_for_a_change()
    {
        ZooKeeperOptions options = await zookeeper.NewOptionsAsync();
        await using var client = new ZooKeeperClient(options);
        var other = new ZooKeeperClient(options);
        await other.CreateAsync("/leader", mode: CreateMode.Ephemeral);
        Task waiting = WaitAsync();

        Assert.False(waiting.IsCompleted);
        await other.DisposeAsync();
        await Eventually.CompletesAsync("the leader has gone", waiting);

        async Task WaitAsync()
        {
            Watched<Stat?> leader;
            while ((leader = await client.WatchExistsAsync("/leader")).Value is not null)
            {
                await leader.Watch.Changed;
            }
        }
    }

    [Fact]
    public async Task Follow_a_subtree()
    {
        using ZooKeeperProxy proxy = zookeeper.NewProxy();
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync(proxy));
        await client.CreateAsync("/jobs");
        await client.CreateAsync("/jobs/first");
        Task<HashSet<string>> following = FollowAsync();
        await Eventually.TrueAsync("the jobs are listed", () => proxy.Requests.Any(request => request.Kind == RequestKind.GetChildren));

        await client.CreateAsync("/jobs/second");
        await proxy.CutAsync(client);
        await client.DeleteAsync("/jobs/first");
        await client.CreateAsync("/jobs/last");

        Assert.Equal(["/jobs/last", "/jobs/second"], (await Eventually.CompletesAsync("the last job is seen", following)).Order());

        async Task<HashSet<string>> FollowAsync()
        {
            async Task<HashSet<string>> ListAsync() => [.. (await client.GetChildrenAsync("/jobs"))!.Names.Select(name => $"/jobs/{name}")];

            await using PersistentWatch watch = await client.AddWatchAsync("/jobs", WatchScope.Subtree);
            HashSet<string> jobs = await ListAsync();
            await foreach (WatchEvent change in watch)
            {
                switch (change.Type)
                {
                    case WatchEventType.NodeCreated:
                        jobs.Add(change.Path);
                        break;
                    case WatchEventType.NodeDeleted:
                        jobs.Remove(change.Path);
                        break;
                    case WatchEventType.Gap:
                        // The server never repeats what a lost connection has missed.
                        jobs = await ListAsync();
                        break;
                }

                if (jobs.Contains("/jobs/last"))
                {
                    break;
                }
            }

            return jobs;
        }
    }

    [Fact]
    public async Task The_examples_of_the_README_are_those_of_these_tests()
    {
        string readme = await File.ReadAllTextAsync(Repository.File("src/LockService.ZooKeeper/README.md"));
        string tests = Flush(await File.ReadAllTextAsync(Repository.File("tests/LockService.ZooKeeper.Tests/ReadmeTests.cs")));

        string[] examples = [.. Regex.Matches(readme, "```csharp\n(.*?)```", RegexOptions.Singleline).Select(block => Flush(block.Groups[1].Value))];

        Assert.Equal(5, examples.Length);
        Assert.All(examples, example => Assert.Contains(example, tests, StringComparison.Ordinal));
    }

    private static string Flush(string code) => string.Join('\n', code.Split('\n').Select(line => line.Trim()));

    private async Task<string> NewServersAsync() => zookeeper.Server.ConnectString + await zookeeper.NewRootAsync();
}
