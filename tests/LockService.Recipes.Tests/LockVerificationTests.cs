using LockService.Testing;
using LockService.ZooKeeper;
using Xunit;

namespace LockService.Recipes.Tests;

/// <summary>Whether somebody holds a lock now, asked through an instance that knows nothing of it yet.</summary>
[Collection("zookeeper")]
public sealed class LockVerificationTests(ZooKeeperFixture zooKeeper) : IAsyncLifetime
{
    private static readonly AcquireOptions s_try = new() { Owner = "me" };
    private Instances _instances = null!;

    public async Task InitializeAsync() => _instances = await Instances.OnAsync(zooKeeper);

    public async Task DisposeAsync() => await _instances.DisposeAsync();

    [Fact]
    public async Task F8_a_holders_token_and_lease_are_valid_until_it_releases()
    {
        Locks locks = _instances.Start().Locks;
        Locks other = _instances.Start().Locks;
        LockGrant grant = await Instances.GrantedAsync(locks.AcquireAsync("report", s_try, default));

        Assert.True(await other.VerifyAsync("report", grant.FencingToken, default));
        Assert.True(await other.VerifyAsync("report", grant.LeaseId, default));
        Assert.False(await other.VerifyAsync("another", grant.FencingToken, default));
        Assert.False(await other.VerifyAsync("another", grant.LeaseId, default));
        Assert.False(await other.VerifyAsync("report", grant.FencingToken + 1, default));
        await locks.ReleaseAsync("report", grant.LeaseId);

        Assert.False(await other.VerifyAsync("report", grant.FencingToken, default));
        Assert.False(await other.VerifyAsync("report", grant.LeaseId, default));
    }

    [Fact]
    public async Task Every_shared_holders_token_is_valid_however_many_there_are()
    {
        Locks locks = _instances.Start().Locks;
        LockGrant[] grants = await Task.WhenAll(Enumerable.Range(0, 300).Select(_ => Instances.GrantedAsync(
            locks.AcquireAsync("report", s_try with { Mode = LockMode.Shared }, default))));

        Locks other = _instances.Start().Locks;

        Assert.True(await other.VerifyAsync("report", grants.Max(one => one.FencingToken), default));
        Assert.True(await other.VerifyAsync("report", grants.Min(one => one.FencingToken), default));
    }

    [Fact]
    public async Task F2_the_number_of_a_waiters_creation_is_no_valid_token()
    {
        Locks locks = _instances.Start().Locks;
        LockGrant held = await Instances.GrantedAsync(locks.AcquireAsync("report", s_try, default));
        Task<AcquireResult> waiting = locks.AcquireAsync("report", s_try with { Wait = TimeSpan.FromMinutes(1) }, default);
        await _instances.QueueIsAsync("report", 2);
        string waiter = (await _instances.ContendersAsync("report"))[1];
        Stat stat = (await _instances.Observer.ExistsAsync($"/lockservice/locks/report/{waiter}"))!.Value;

        Assert.False(await locks.VerifyAsync("report", stat.CreatedZxid, default));
        await locks.ReleaseAsync("report", held.LeaseId);
        LockGrant next = await Instances.GrantedAsync(waiting);

        Assert.True(await locks.VerifyAsync("report", next.FencingToken, default));
        Assert.False(await locks.VerifyAsync("report", stat.CreatedZxid, default));
    }

    [Fact]
    public async Task A_waiter_that_nobody_is_before_has_no_valid_token_and_a_native_holder_has()
    {
        Locks locks = _instances.Start().Locks;
        await Instances.GrantedAsync(locks.AcquireAsync("first", s_try, default));
        long waiter = await CreateAsync("one", "_c_0f8fad5b-d9cb-469f-a165-70867728950e-__WRIT__", """{"owner":"me","since":"2026-01-01T00:00:00Z","instance":"other"}""");
        long native = await CreateAsync("two", "_c_0f8fad5b-d9cb-469f-a165-70867728950e-__WRIT__", "10.0.0.1");

        Assert.False(await locks.VerifyAsync("one", waiter, default));
        Assert.True(await locks.VerifyAsync("two", native, default));
    }

    [Fact]
    public async Task A_lease_can_be_looked_up_until_it_ends()
    {
        Locks locks = _instances.Start().Locks;
        Locks other = _instances.Start().Locks;
        LockGrant grant = await Instances.GrantedAsync(locks.AcquireAsync(
            "report",
            s_try with { Mode = LockMode.Shared, Ttl = TimeSpan.FromSeconds(40), Metadata = new Dictionary<string, string> { ["job"] = "42" } },
            default));

        LeaseState lease = (await other.GetLeaseAsync(grant.LeaseId, default))!;

        Assert.Equal(("report", TimeSpan.FromSeconds(40)), (lease.Name, lease.Ttl));
        Assert.Equal(
            ("me", LockMode.Shared, grant.FencingToken, grant.AcquiredAt, "42"),
            (lease.Holder.Owner, lease.Holder.Mode, lease.Holder.FencingToken, lease.Holder.AcquiredAt, lease.Holder.Metadata["job"]));
        Assert.InRange(lease.Holder.Remaining!.Value, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(40));
        await locks.ReleaseAsync("report", grant.LeaseId);
        Assert.Null(await other.GetLeaseAsync(grant.LeaseId, default));
    }

    [Theory]
    [InlineData("nonsense")]
    [InlineData(".")]
    [InlineData("AAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    [InlineData("AAAAAAAAAAAAAAAAAAAAAAAAAAAA.")]
    [InlineData("AAAAAAAAAAAAAAAAAAAAAAAAAAAA.report")]
    [InlineData("AAAAAAAAAAAAAAAAAAAAAAAAAAAA.../../zookeeper")]
    public async Task What_is_no_lease_id_is_no_lease(string text)
    {
        Locks locks = _instances.Start().Locks;

        Assert.Null(await locks.GetLeaseAsync(text, default));
        Assert.False(await locks.VerifyAsync("report", text, default));
    }

    private async Task<long> CreateAsync(string name, string contender, string data)
    {
        await _instances.Observer.CreateAsync($"/lockservice/locks/{name}");
        CreatedNode node = await _instances.Observer.CreateAsync(
            $"/lockservice/locks/{name}/{contender}", System.Text.Encoding.UTF8.GetBytes(data), CreateMode.EphemeralSequential);
        return (await _instances.Observer.ExistsAsync(node.Path))!.Value.CreatedZxid;
    }
}
