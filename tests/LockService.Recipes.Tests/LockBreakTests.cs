using System.Text;
using LockService.Recipes.Locking;
using LockService.Testing;
using LockService.ZooKeeper;
using Microsoft.Extensions.Logging;
using Xunit;

namespace LockService.Recipes.Tests;

/// <summary>Somebody who may ends the holds on a lock, whoever has them.</summary>
[Collection("zookeeper")]
public sealed class LockBreakTests(ZooKeeperFixture zooKeeper) : IAsyncLifetime
{
    private static readonly AcquireOptions s_try = new() { Owner = "me" };
    private static readonly AcquireOptions s_wait = s_try with { Wait = TimeSpan.FromMinutes(1) };
    private static readonly BreakOptions s_break = new() { Caller = "admin" };
    private Instances _instances = null!;

    public async Task InitializeAsync() => _instances = await Instances.OnAsync(zooKeeper);

    public async Task DisposeAsync() => await _instances.DisposeAsync();

    [Fact]
    public async Task A_broken_holder_has_lost_its_lease_and_the_next_in_line_gets_the_lock()
    {
        Locks one = _instances.Start().Locks;
        Locks two = _instances.Start().Locks;
        LockGrant held = await Instances.GrantedAsync(one.AcquireAsync("report", s_try, default));
        Task<AcquireResult> first = one.AcquireAsync("report", s_wait, default);
        await _instances.QueueIsAsync("report", 2);
        Task<AcquireResult> second = two.AcquireAsync("report", s_wait, default);
        await _instances.QueueIsAsync("report", 3);

        await two.BreakAsync("report", s_break);

        Assert.Null(await one.RenewAsync("report", held.LeaseId, null, default));
        Assert.False(await one.ReleaseAsync("report", held.LeaseId));
        LockGrant next = await Instances.GrantedAsync(first);
        Assert.True(next.FencingToken > held.FencingToken);
        Assert.False(second.IsCompleted);
        await one.ReleaseAsync("report", next.LeaseId);
        await Instances.GrantedAsync(second);
    }

    [Fact]
    public async Task All_who_share_a_lock_are_broken_in_one_transaction()
    {
        Locks locks = _instances.Start().Locks;
        LockGrant[] held = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ =>
            Instances.GrantedAsync(locks.AcquireAsync("report", s_try with { Mode = LockMode.Shared }, default))));
        await _instances.Observer.CreateAsync("/lockservice/locks/report/later__lock__", mode: CreateMode.EphemeralSequential);
        int changes = (await _instances.Observer.ExistsAsync("/lockservice/locks/report"))!.Value.ChildVersion;

        await locks.BreakAsync("report", s_break);

        Assert.All(await Task.WhenAll(held.Select(grant => locks.RenewAsync("report", grant.LeaseId, null, default))), Assert.Null);
        Stat after = (await _instances.Observer.ExistsAsync("/lockservice/locks/report"))!.Value;
        Assert.Equal(1, after.ChildCount);
        // Each was deleted once, between a notice of it and the end of that.
        Assert.Equal(changes + (3 * 20), after.ChildVersion);
    }

    [Fact]
    public async Task Breaking_what_nobody_holds_does_nothing()
    {
        Locks locks = _instances.Start().Locks;

        await locks.BreakAsync("report", s_break);

        Assert.Null(await _instances.Observer.ExistsAsync("/lockservice/locks/report"));
    }

    [Fact]
    public async Task Native_holders_are_broken_and_waiters_that_nobody_has_told_of_their_turn_are_not()
    {
        Locks locks = _instances.Start().Locks;
        await Instances.GrantedAsync(locks.AcquireAsync("other", s_try, default));
        await CreateAsync("native", "0f8fad5bd9cb469fa16570867728950e__lock__", "kazoo-1");
        await CreateAsync("native", "1f8fad5bd9cb469fa16570867728950e__lock__", "kazoo-2");
        await CreateAsync("waited", "_c_0f8fad5b-d9cb-469f-a165-70867728950e-__WRIT__", """{"owner":"me","since":"2026-01-01T00:00:00Z","instance":"other"}""");

        await locks.BreakAsync("native", s_break);
        await locks.BreakAsync("waited", s_break);

        Assert.StartsWith("1f8f", Assert.Single(await _instances.ContendersAsync("native")), StringComparison.Ordinal);
        Assert.Single(await _instances.ContendersAsync("waited"));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_repeated_break_spares_who_came_later_even_if_nobody_held_the_lock_at_first(bool wasHeld)
    {
        Locks one = _instances.Start().Locks;
        Locks two = _instances.Start().Locks;
        LockGrant? held = wasHeld ? await Instances.GrantedAsync(one.AcquireAsync("report", s_try, default)) : null;
        await one.BreakAsync("report", s_break with { Key = KeyedCallsTests.Request("k") });
        Assert.True(held is null || await one.RenewAsync("report", held.LeaseId, null, default) is null);
        LockGrant later = await Instances.GrantedAsync(one.AcquireAsync("report", s_try, default));

        KeyedRequest again = KeyedCallsTests.Request("k");
        await two.BreakAsync("report", s_break with { Key = again });

        Assert.True(again.Replayed);
        Assert.NotNull(await one.RenewAsync("report", later.LeaseId, null, default));
    }

    [Theory]
    [InlineData(RequestKind.MultiRead, false)]
    [InlineData(RequestKind.Multi, false)]
    [InlineData(RequestKind.Multi, true)]
    public async Task A_break_whose_answer_is_lost_is_done_once(RequestKind kind, bool keyed)
    {
        await using TestInstance instance = await TestInstance.StartAsync(zooKeeper);
        LockGrant held = await Instances.GrantedAsync(instance.Locks.AcquireAsync("report", s_try with { LockDelay = TimeSpan.FromMinutes(1) }, default));
        Task struck = instance.Proxy.DropNextReply(kind);

        await instance.Locks.BreakAsync("report", s_break with { Key = keyed ? KeyedCallsTests.Request("k") : null });

        await Eventually.CompletesAsync("the fault struck", struck);
        NodeChildren left = (await instance.Direct.GetChildrenAsync("/lockservice/locks/report"))!;
        Assert.True(ContenderName.Parse(Assert.Single(left.Names))!.IsClosure);
        Assert.Null(await instance.Locks.RenewAsync("report", held.LeaseId, null, default));
        Assert.Single(instance.LockLog.Lines);
    }

    [Fact]
    public async Task A_lock_that_changes_hands_all_the_time_is_broken_all_the_same()
    {
        Locks locks = _instances.Start().Locks;
        Locks other = _instances.Start().Locks;
        using var stop = new CancellationTokenSource();
        Task[] users = [.. Enumerable.Range(0, 4).Select(_ => Task.Run(async () =>
        {
            while (!stop.IsCancellationRequested)
            {
                LockGrant grant = await Instances.GrantedAsync(locks.AcquireAsync("report", s_wait, default));
                await locks.ReleaseAsync("report", grant.LeaseId);
            }
        }))];

        for (int i = 0; i < 20; i++)
        {
            await other.BreakAsync("report", s_break);
        }

        await stop.CancelAsync();
        await Eventually.CompletesAsync("everybody got the lock", Task.WhenAll(users));
        await _instances.QueueIsAsync("report", 0);
    }

    [Fact]
    public async Task Who_broke_whom_and_why_is_logged_in_one_line_without_lease_ids()
    {
        await using TestInstance instance = await TestInstance.StartAsync(zooKeeper);
        LockGrant held = await Instances.GrantedAsync(instance.Locks.AcquireAsync("report", s_try with { Owner = "billing\r\n7" }, default));

        await instance.Locks.BreakAsync("report", new BreakOptions { Caller = "10.0.0.1", Reason = "stuck\nsince\u0085noon" });

        (LogLevel level, string line) = Assert.Single(instance.LockLog.Lines);
        Assert.Equal(LogLevel.Warning, level);
        Assert.All(
            (string[])["'report'", "10.0.0.1", @"stuck\u000asince\u0085noon", @"'billing\u000d\u000a7' (exclusive, token", $"{held.FencingToken}"],
            part => Assert.Contains(part, line, StringComparison.Ordinal));
        Assert.DoesNotContain('\n', line);
        Assert.DoesNotContain(held.LeaseId[..20], line, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Of_more_holders_than_one_transaction_ends_all_are_broken()
    {
        Locks locks = _instances.Start().Locks;
        await Task.WhenAll(Enumerable.Range(0, 1_100).Select(_ =>
            Instances.GrantedAsync(locks.AcquireAsync("report", s_try with { Mode = LockMode.Shared, Ttl = TimeSpan.FromMinutes(10) }, default))));

        await locks.BreakAsync("report", s_break with { Key = KeyedCallsTests.Request("k") });

        Assert.Empty(await _instances.ContendersAsync("report"));
    }

    private async Task CreateAsync(string name, string contender, string data)
    {
        if (await _instances.Observer.ExistsAsync($"/lockservice/locks/{name}") is null)
        {
            await _instances.Observer.CreateAsync($"/lockservice/locks/{name}");
        }

        await _instances.Observer.CreateAsync($"/lockservice/locks/{name}/{contender}", Encoding.UTF8.GetBytes(data), CreateMode.EphemeralSequential);
    }
}
