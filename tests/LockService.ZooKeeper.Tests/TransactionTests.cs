using LockService.Testing;
using Xunit;

namespace LockService.ZooKeeper.Tests;

[Collection(SharedZooKeeper.Name)]
public sealed class TransactionTests(ZooKeeperFixture zookeeper)
{
    private static readonly byte[] s_data = [1];

    [Fact]
    public async Task All_parts_happen_at_one_zxid_and_see_each_other()
    {
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync());
        await client.CreateAsync("/marker");

        TransactionResult result = await client.CommitAsync(new Transaction()
            .SetData("/marker", s_data, 0)
            .Create("/c", default, CreateMode.Container)
            .Create("/c/n-", s_data, CreateMode.EphemeralSequential)
            .Create("/t", default, CreateMode.PersistentWithTtl, ttl: TimeSpan.FromHours(1))
            .Create("/gone", default, CreateMode.Persistent)
            .Check("/gone", 0)
            .Delete("/gone", 0));

        Assert.True(result.Committed);
        Assert.Equal(-1, result.FailedIndex);
        Assert.Equal([null, "/c", "/c/n-0000000000", "/t", "/gone", null, null], result.Parts.Select(part => part.Path));
        Stat? created = await client.ExistsAsync("/c/n-0000000000");
        Assert.Equal(result.Parts[0].Stat?.ModifiedZxid, created?.CreatedZxid);
        Assert.Equal(result.Parts[1].Stat?.CreatedZxid, created?.CreatedZxid);
        Assert.Null(await client.ExistsAsync("/gone"));
    }

    [Theory]
    [InlineData(0, ErrorCode.BadVersion)]
    [InlineData(1, ErrorCode.NodeExists)]
    [InlineData(2, ErrorCode.NoNode)]
    public async Task One_refused_part_refuses_all_and_is_named(int failing, ErrorCode code)
    {
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync());
        await client.CreateAsync("/a");
        Transaction transaction = new Transaction()
            .SetData("/a", s_data, failing == 0 ? 9 : 0)
            .Create(failing == 1 ? "/a" : "/b", default, CreateMode.Persistent)
            .Delete(failing == 2 ? "/no" : "/a");

        TransactionResult result = await client.CommitAsync(transaction);

        Assert.False(result.Committed);
        Assert.Equal(code, result.Error);
        Assert.Equal(failing, result.FailedIndex);
        Assert.Empty(result.Parts);
        Assert.Equal(0, (await client.ExistsAsync("/a"))?.Version);
        Assert.Null(await client.ExistsAsync("/b"));
    }

    [Fact]
    public async Task A_failed_check_refuses_the_transaction()
    {
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync());
        await client.CreateAsync("/a");

        TransactionResult result = await client.CommitAsync(new Transaction().Check("/a", 1).Delete("/a"));

        Assert.Equal(ErrorCode.BadVersion, result.Error);
        Assert.NotNull(await client.ExistsAsync("/a"));
    }

    [Fact]
    public async Task An_empty_transaction_succeeds()
    {
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync());

        Assert.True((await client.CommitAsync(new Transaction())).Committed);
    }

    [Fact]
    public async Task A_transaction_of_thousands_of_parts_returns_as_many_results()
    {
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync());
        var transaction = new Transaction();
        for (int i = 0; i < 3_000; i++)
        {
            transaction.Create($"/n{i}", s_data, CreateMode.Persistent);
        }

        TransactionResult result = await client.CommitAsync(transaction);

        Assert.Equal(3_000, result.Parts.Count);
        Assert.Equal("/n2999", result.Parts[^1].Path);
        Assert.Equal(3_000, (await client.GetChildrenAsync("/"))?.Names.Count);
    }

    [Fact]
    public async Task A_transaction_may_be_committed_again_as_another_one()
    {
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync());
        Transaction transaction = new Transaction().Create("/n-", default, CreateMode.PersistentSequential);

        await client.CommitAsync(transaction);
        TransactionResult second = await client.CommitAsync(transaction);

        Assert.Equal("/n-0000000001", second.Parts[0].Path);
    }
}
