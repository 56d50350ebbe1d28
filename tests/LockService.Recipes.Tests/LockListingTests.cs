using LockService.Testing;
using LockService.ZooKeeper;
using Xunit;

namespace LockService.Recipes.Tests;

/// <summary>Which locks are held, page by page.</summary>
[Collection("zookeeper")]
public sealed class LockListingTests(ZooKeeperFixture zooKeeper) : IAsyncLifetime
{
    private static readonly AcquireOptions s_try = new() { Owner = "me" };
    private Instances _instances = null!;

    public async Task InitializeAsync() => _instances = await Instances.OnAsync(zooKeeper);

    public async Task DisposeAsync() => await _instances.DisposeAsync();

    [Fact]
    public async Task Held_locks_are_listed_by_name_with_their_holders_and_the_number_of_their_waiters()
    {
        Locks locks = _instances.Start().Locks;
        await HoldAsync(locks, "b", "a:2", "a:1");
        LockGrant shared = await Instances.GrantedAsync(locks.AcquireAsync("c", s_try with { Mode = LockMode.Shared, Owner = "reader" }, default));
        Task<AcquireResult> waiting = locks.AcquireAsync("c", s_try with { Wait = TimeSpan.FromMinutes(1) }, default);
        await _instances.QueueIsAsync("c", 2);

        LockPage page = await _instances.Start().Locks.ListAsync("", "", 100, default);

        Assert.Equal(["a:1", "a:2", "b", "c"], page.Items.Select(item => item.Name));
        Assert.Null(page.Next);
        Assert.Equal((shared.FencingToken, "reader"), (page.Items[3].Holders[0].FencingToken, page.Items[3].Holders[0].Owner));
        Assert.Equal(1, page.Items[3].QueueLength);
        await locks.ReleaseAsync("c", shared.LeaseId);
        await waiting;
    }

    [Fact]
    public async Task Pages_follow_each_other_without_gaps_and_locks_that_nobody_holds_take_no_room()
    {
        Locks locks = _instances.Start().Locks;
        IReadOnlyList<LockGrant> grants = await HoldAsync(locks, [.. Enumerable.Range(0, 40).Select(i => $"l{i:d2}")]);
        foreach (LockGrant grant in grants.Where((_, i) => i % 4 != 3))
        {
            await locks.ReleaseAsync(grant.Name, grant.LeaseId);
        }

        var seen = new List<string>();
        LockPage page;
        string after = "";
        do
        {
            page = await locks.ListAsync("l", after, 3, default);
            seen.AddRange(page.Items.Select(item => item.Name));
            Assert.Equal(page.Next is null ? 1 : 3, page.Items.Count);
            after = page.Next ?? "";
        }
        while (page.Next is not null);

        Assert.Equal(Enumerable.Range(0, 10).Select(i => $"l{(4 * i) + 3:d2}"), seen);
        Assert.Empty((await locks.ListAsync("m", "", 3, default)).Items);
    }

    [Fact]
    public async Task A_lock_held_by_a_native_client_is_listed_and_one_that_somebody_is_about_to_get_is_not()
    {
        Locks locks = _instances.Start().Locks;
        await HoldAsync(locks, "ours");
        foreach ((string name, string contender, string data) in new[]
        {
            ("native", "0f8fad5bd9cb469fa16570867728950e__lock__", "kazoo-1"),
            ("waited", "_c_0f8fad5b-d9cb-469f-a165-70867728950e-__WRIT__", """{"owner":"me","since":"2026-01-01T00:00:00Z","instance":"other"}"""),
        })
        {
            await _instances.Observer.CreateAsync($"/lockservice/locks/{name}");
            await _instances.Observer.CreateAsync(
                $"/lockservice/locks/{name}/{contender}", System.Text.Encoding.UTF8.GetBytes(data), CreateMode.EphemeralSequential);
        }

        LockPage page = await locks.ListAsync("", "", 100, default);

        Assert.Equal(["native", "ours"], page.Items.Select(item => item.Name));
        Assert.Equal("kazoo-1", Assert.Single(page.Items[0].Holders).Owner);
    }

    [Fact]
    public async Task Ten_thousand_held_locks_are_listed_and_a_page_of_a_thousand_takes_few_requests()
    {
        Coordination holding = _instances.Start();
        await HoldAsync(holding.Locks, [.. Enumerable.Range(0, 10_000).Select(i => $"l{i:d4}")]);
        using var proxy = new ZooKeeperProxy(zooKeeper.Server.Port);
        Coordination listing = _instances.Start(proxy.ConnectString);
        await listing.Locks.ListAsync("none", "", 1, default);
        int before = Reads(proxy);

        LockPage page = await listing.Locks.ListAsync("", "l4999", 1_000, default);

        int took = Reads(proxy) - before;
        Assert.Equal(Enumerable.Range(5_000, 1_000).Select(i => $"l{i:d4}"), page.Items.Select(item => item.Name));
        Assert.Equal("l5999", page.Next);
        Assert.True(took <= 40, $"it took {took} requests");
        await listing.DisposeAsync();
    }

    private static int Reads(ZooKeeperProxy proxy) =>
        proxy.Requests.Count(request => request.Kind is RequestKind.MultiRead or RequestKind.GetData or RequestKind.GetChildren);

    /// <summary>Some at a time: thousands at once, on a busy machine, wait for each other for longer than a request may take.</summary>
    private static async Task<IReadOnlyList<LockGrant>> HoldAsync(Locks locks, params string[] names)
    {
        var grants = new List<LockGrant>();
        foreach (string[] some in names.Chunk(200))
        {
            grants.AddRange(await Task.WhenAll(some.Select(name =>
                Instances.GrantedAsync(locks.AcquireAsync(name, s_try with { Ttl = TimeSpan.FromMinutes(10) }, default)))));
        }

        return grants;
    }
}
