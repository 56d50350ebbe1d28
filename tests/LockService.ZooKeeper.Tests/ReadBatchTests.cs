using LockService.Testing;
using Xunit;

namespace LockService.ZooKeeper.Tests;

[Collection(SharedZooKeeper.Name)]
public sealed class ReadBatchTests(ZooKeeperFixture zookeeper)
{
    private static readonly byte[] s_data = [1, 2];

    [Fact]
    public async Task Each_read_of_a_batch_succeeds_or_fails_by_itself()
    {
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync());
        await client.CreateAsync("/n", s_data);
        await client.CreateAsync("/n/c");
        await client.CreateAsync("/closed", acl: [new Acl(Permissions.Delete, "world", "anyone")]);

        ReadBatchResult result = await client.ReadAsync(new ReadBatch()
            .GetData("/n").GetChildren("/n").GetData("/no").GetChildren("/no").GetData("/closed").GetChildren("/"));

        Assert.Equal(6, result.Count);
        Assert.Equal(s_data, result.Data(0)?.Data.ToArray());
        Assert.Equal(await client.ExistsAsync("/n"), result.Data(0)?.Stat);
        Assert.Equal(["c"], result.Children(1));
        Assert.Null(result.Data(2));
        Assert.Null(result.Children(3));
        Assert.Equal(ErrorCode.NoNode, result.Error(3));
        Assert.Equal(ErrorCode.NoAuth, Assert.Throws<RequestRefusedException>(() => result.Data(4)).Code);
        Assert.Equal(["closed", "n"], result.Children(5)?.Order());
        Assert.Throws<InvalidOperationException>(() => result.Children(0));
    }

    [Fact]
    public async Task An_empty_batch_has_no_results()
    {
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync());

        Assert.Equal(0, (await client.ReadAsync(new ReadBatch())).Count);
    }

    [Fact]
    public void A_path_that_is_none_is_refused_before_anything_is_sent() =>
        Assert.Throws<ArgumentException>(() => new ReadBatch().GetData("/a/"));

    [Fact]
    public async Task Everything_below_a_node_is_counted()
    {
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync());
        await client.CreateAsync("/a");
        await client.CreateAsync("/a/b");
        await client.CreateAsync("/a/b/c");
        await client.CreateAsync("/ab");

        Assert.Equal(2, await client.CountDescendantsAsync("/a"));
        Assert.Equal(0, await client.CountDescendantsAsync("/ab"));
        Assert.Null(await client.CountDescendantsAsync("/no"));
    }
}
