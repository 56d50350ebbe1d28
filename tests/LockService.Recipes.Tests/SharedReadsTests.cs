using LockService.Recipes.Sessions;
using LockService.Testing;
using LockService.ZooKeeper;
using Xunit;

namespace LockService.Recipes.Tests;

[Collection("another zookeeper")]
public sealed class SharedReadsTests(ZooKeeperFixture zooKeeper) : IAsyncLifetime
{
    private readonly SharedReads _reads = new();
    private ZooKeeperProxy _proxy = null!;
    private ZooKeeperClient _client = null!;

    public async Task InitializeAsync()
    {
        _proxy = new ZooKeeperProxy(zooKeeper.Server.Port);
        _client = new ZooKeeperClient(new ZooKeeperOptions { Servers = ConnectString.Parse(_proxy.ConnectString + await zooKeeper.NewRootAsync()) });
        await _client.CreateAsync("/a");
        await _client.CreateAsync("/a/one", "1"u8.ToArray());
    }

    public async Task DisposeAsync()
    {
        await _client.DisposeAsync();
        _proxy.Dispose();
    }

    [Fact]
    public async Task Reads_that_come_while_one_is_under_way_share_the_next_request_and_its_sync()
    {
        _proxy.Stall(ProxyDirections.ToClient);
        Task<DirectoryListing?> first = _reads.ListAsync(_client, "/a", latest: false, default);
        Task<DirectoryListing?>[] others = [.. Enumerable.Range(0, 50).Select(i => _reads.ListAsync(_client, i % 2 == 0 ? "/a" : "/none", latest: true, default))];
        Task<NodeData?[]> data = _reads.GetDataAsync(_client, ["/a/one", "/a/none"], latest: false, default);
        _proxy.Resume();

        Assert.Equal(["one"], (await first)!.Names);
        DirectoryListing?[] listed = await Task.WhenAll(others);
        Assert.All(listed.Where((_, i) => i % 2 == 0), listing => Assert.Equal(["one"], listing!.Names));
        Assert.All(listed.Where((_, i) => i % 2 == 1), Assert.Null);
        Assert.Equal(["1"u8.ToArray(), null], (await data).Select(node => node?.Data.ToArray()));
        Assert.Equal(2, _proxy.Requests.Count(request => request.Kind == RequestKind.MultiRead));
        Assert.Equal(1, _proxy.Requests.Count(request => request.Kind == RequestKind.Sync));
    }

    [Fact]
    public async Task More_reads_than_fit_in_a_round_take_further_ones()
    {
        _proxy.Stall(ProxyDirections.ToClient);
        Task<DirectoryListing?>[] all = [.. Enumerable.Range(0, 301).Select(_ => _reads.ListAsync(_client, "/a", latest: false, default))];
        _proxy.Resume();

        Assert.All(await Task.WhenAll(all), listing => Assert.Single(listing!.Names));
        Assert.Equal(1 + 3, _proxy.Requests.Count(request => request.Kind == RequestKind.MultiRead));
    }

    [Fact]
    public async Task Whoever_leaves_does_not_keep_the_others_from_their_answers()
    {
        using var leave = new CancellationTokenSource();
        _proxy.Stall(ProxyDirections.ToClient);
        Task<DirectoryListing?> leaving = _reads.ListAsync(_client, "/a", latest: false, leave.Token);
        Task<DirectoryListing?> staying = _reads.ListAsync(_client, "/a", latest: false, default);
        await leave.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => leaving);
        _proxy.Resume();

        Assert.Single((await Eventually.CompletesAsync("the other is answered", staying))!.Names);
    }

    [Theory]
    [InlineData(RequestKind.MultiRead)]
    [InlineData(RequestKind.Sync)]
    public async Task A_lost_answer_is_told_to_the_round_and_asking_again_is_answered(RequestKind kind)
    {
        Task struck = _proxy.DropNextReply(kind);

        await Assert.ThrowsAsync<OutcomeUnknownException>(() => _reads.ListAsync(_client, "/a", latest: true, default));

        await struck;
        Assert.Single((await SharedReads.AgainAsync(token => _reads.ListAsync(_client, "/a", latest: true, token), default))!.Names);
    }

    [Fact]
    public async Task Reads_on_a_session_that_has_ended_are_refused()
    {
        await zooKeeper.Server.KillSessionAsync(_client);

        await Assert.ThrowsAsync<SessionEndedException>(() => SharedReads.AgainAsync(
            token => _reads.ListAsync(_client, "/a", latest: false, token), default));
    }
}
