using System.Text;
using LockService.Recipes.Commit;
using LockService.Testing;
using LockService.ZooKeeper;
using Xunit;
using Xunit.Abstractions;

namespace LockService.Recipes.Tests;

/// <summary>Random units through random faults and two instances: each has the outcome that a model of the nodes predicts.</summary>
[Collection("another zookeeper")]
public sealed class RandomUnitsTests(ZooKeeperFixture zookeeper, ITestOutputHelper output)
{
    /// <summary>With LOCKSERVICE_LONG=1 a hundred times as many.</summary>
    [Fact]
    public async Task Every_unit_has_the_predicted_outcome_and_the_nodes_are_as_predicted()
    {
        int units = Environment.GetEnvironmentVariable("LOCKSERVICE_LONG") == "1" ? 50_000 : 500;
        int seed = Environment.TickCount;
        output.WriteLine($"seed {seed}");
        await using TestInstance one = await TestInstance.StartAsync(zookeeper, markerVersions: 7);
        await using TestInstance two = await TestInstance.StartAsync(zookeeper, one.Chroot);
        TestInstance[] instances = [one, two];
        Worker[] workers = [.. Enumerable.Range(0, 8).Select(i => new Worker($"/w{i}", new Random(seed + i)))];
        await Task.WhenAll(workers.Select(worker => one.Direct.CreateAsync(worker.Directory)));

        Task done = Task.WhenAll(workers.Select(worker => worker.RunAsync(instances, units)));
        var random = new Random(seed);
        int faults = 0;
        for (; !done.IsCompleted; faults++)
        {
            TestInstance victim = instances[random.Next(2)];
            Task struck = random.Next(5) switch
            {
                0 => victim.Proxy.DropNextReply(RequestKind.Multi),
                1 => victim.Proxy.CutBeforeForwarding(RequestKind.Multi),
                2 => victim.Proxy.ResetInMidReply(RequestKind.Multi),
                3 => victim.Proxy.DropNextReply(RequestKind.Any),
                _ => victim.EndSessionAsync(),
            };
            await Eventually.CompletesAsync($"the fault strikes (seed {seed})", Task.WhenAny(struck, done));
            int before = workers.Sum(worker => worker.Answered);
            await Eventually.TrueAsync("the units go on", () => done.IsCompleted || workers.Sum(worker => worker.Answered) > before + 50);
        }

        await Eventually.CompletesAsync($"all units are answered (seed {seed})", done);
        output.WriteLine($"{units * workers.Length} units, {faults} faults, {workers.Sum(worker => worker.Committed)} committed");
        foreach (Worker worker in workers)
        {
            Assert.Equal(worker.Predicted, await ReadAsync(one.Direct, worker.Directory));
        }
    }

    private static async Task<SortedDictionary<string, (string Data, int Version)>> ReadAsync(ZooKeeperClient client, string directory)
    {
        var nodes = new SortedDictionary<string, (string Data, int Version)>(StringComparer.Ordinal);
        foreach (string name in (await client.GetChildrenAsync(directory))!.Names)
        {
            NodeData node = (await client.GetDataAsync($"{directory}/{name}"))!;
            nodes.Add(name, (Encoding.UTF8.GetString(node.Data.Span), node.Stat.Version));
        }

        return nodes;
    }

    /// <summary>The only one who changes its directory, through either instance, one unit after the other.</summary>
    private sealed class Worker(string directory, Random random)
    {
        private int _answered;

        internal string Directory => directory;

        internal int Answered => Volatile.Read(ref _answered);

        internal int Committed { get; private set; }

        internal SortedDictionary<string, (string Data, int Version)> Predicted { get; private set; } = new(StringComparer.Ordinal);

        internal async Task RunAsync(TestInstance[] instances, int units)
        {
            for (int i = 0; i < units; i++)
            {
                (CommitUnit unit, ErrorCode error, int failed, SortedDictionary<string, (string Data, int Version)> after) = Next();
                CommitResult result = await instances[random.Next(2)].CommitAsync(unit);
                Assert.Equal((error, failed), (result.Error, result.FailedIndex));
                if (result.Committed)
                {
                    Predicted = after;
                    Committed++;
                }

                Interlocked.Increment(ref _answered);
            }
        }

        private (CommitUnit Unit, ErrorCode Error, int Failed, SortedDictionary<string, (string Data, int Version)> After) Next()
        {
            var unit = new CommitUnit(directory);
            var after = new SortedDictionary<string, (string Data, int Version)>(Predicted, StringComparer.Ordinal);
            ErrorCode error = ErrorCode.Ok;
            int failed = -1;
            int operations = random.Next(1, 5);
            for (int i = 0; i < operations; i++)
            {
                ErrorCode code = AddOperation(unit, after);
                if (error == ErrorCode.Ok && code != ErrorCode.Ok)
                {
                    (error, failed) = (code, i);
                }
            }

            return (unit, error, failed, after);
        }

        private ErrorCode AddOperation(CommitUnit unit, SortedDictionary<string, (string Data, int Version)> nodes)
        {
            string name = $"n{random.Next(5)}";
            string path = $"{directory}/{name}";
            string data = $"{random.Next(1_000)}";
            bool exists = nodes.TryGetValue(name, out (string Data, int Version) node);
            // Mostly the right one, so that enough units are committed.
            int version = random.Next(8) == 0 ? node.Version + 1 : node.Version;
            ErrorCode condition = !exists ? ErrorCode.NoNode : version != node.Version ? ErrorCode.BadVersion : ErrorCode.Ok;
            switch (exists ? random.Next(1, 8) : random.Next(4) == 0 ? 1 : 0)
            {
                case 0:
                    unit.Create(path, Encoding.UTF8.GetBytes(data), CreateMode.Persistent);
                    nodes[name] = (data, 0);
                    return exists ? ErrorCode.NodeExists : ErrorCode.Ok;
                case 1:
                    unit.Check(path, version);
                    return condition;
                case 2:
                    unit.Create(path, default, CreateMode.Persistent);
                    return ErrorCode.NodeExists;
                case 3 or 4:
                    unit.Delete(path, version);
                    nodes.Remove(name);
                    return condition;
                default:
                    unit.SetData(path, Encoding.UTF8.GetBytes(data), version);
                    nodes[name] = (data, version + 1);
                    return condition;
            }
        }
    }
}
