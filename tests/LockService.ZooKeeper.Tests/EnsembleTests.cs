using LockService.Testing;
using Xunit;

namespace LockService.ZooKeeper.Tests;

/// <summary>One ensemble for the tests below, each of which leaves it whole.</summary>
[CollectionDefinition(Name)]
public sealed class SharedEnsemble : ICollectionFixture<EnsembleFixture>
{
    public const string Name = "one ensemble for all";
}

/// <summary>That ensemble.</summary>
public sealed class EnsembleFixture : IAsyncLifetime
{
    public ZooKeeperEnsemble Ensemble { get; private set; } = null!;

    public async Task InitializeAsync() => Ensemble = await ZooKeeperEnsemble.StartNewAsync();

    public async Task DisposeAsync() => await Ensemble.DisposeAsync();
}

/// <summary>Three servers: what a session survives, and what order its changes have.</summary>
[Collection(SharedEnsemble.Name)]
public sealed class EnsembleTests(EnsembleFixture fixture) : IAsyncLifetime
{
    private static readonly TimeSpan s_recovery = TimeSpan.FromSeconds(60);
    private readonly ZooKeeperEnsemble _ensemble = fixture.Ensemble;
    private readonly string _root = $"/{Guid.NewGuid():N}";

    public Task InitializeAsync() => Task.CompletedTask;

    public Task DisposeAsync() => _ensemble.RestoreAsync();

    [Fact]
    public async Task Z1_When_its_follower_dies_a_session_moves_with_its_id_its_nodes_and_its_watches()
    {
        await using ZooKeeperClient client = await ClientOfFollowersAsync();
        await using var other = new ZooKeeperClient(Options(_ensemble.ConnectString));
        await client.CreateAsync(_root, mode: CreateMode.Ephemeral);
        Watched<NodeData>? watched = await client.WatchDataAsync(_root);
        long session = client.SessionId;
        ZooKeeperServer used = _ensemble.ServerOf(client);
        Task<SessionStatus> lost = client.Status.Next;

        await used.StopAsync();
        await Eventually.CompletesAsync("the client notices", lost);
        await Eventually.CompletesAsync("the client has moved", client.WhenConnectedAsync());

        Assert.NotSame(used, _ensemble.ServerOf(client));
        Assert.Equal(session, client.SessionId);
        Assert.Equal(session, (await client.ExistsAsync(_root))?.EphemeralOwner);
        Assert.False(watched!.Watch.Changed.IsCompleted);
        await Eventually.CompletesAsync("another session writes", other.SetDataAsync(_root, "x"u8.ToArray(), -1), s_recovery);
        await Eventually.CompletesAsync("the watch reports", watched.Watch.Changed);
    }

    [Fact]
    public async Task Z2_When_the_leader_dies_writes_resume_and_zxids_rise_over_the_epoch()
    {
        await using ZooKeeperClient client = await ClientOfFollowersAsync();
        long before = (await client.CreateAsync(_root)).Stat!.Value.CreatedZxid;
        long session = client.SessionId;

        await (await _ensemble.LeaderAsync()).StopAsync();
        Stat after = await Eventually.CompletesAsync("a write succeeds", WriteUntilDoneAsync(client, _root), s_recovery);

        Assert.True(after.ModifiedZxid >> 32 > before >> 32, $"epochs {before:x} and {after.ModifiedZxid:x}");
        Assert.Equal(session, client.SessionId);
        Assert.Equal(SessionState.Connected, client.Status.State);
    }

    [Fact]
    public async Task Z30_While_there_is_no_quorum_a_session_tries_once_a_second_and_goes_on_afterwards()
    {
        ZooKeeperProxy[] proxies = [.. _ensemble.Servers.Select(server => new ZooKeeperProxy(server.Port))];
        await using var client = new ZooKeeperClient(
            Options(string.Join(',', proxies.Select(proxy => proxy.ConnectString))) with { SessionTimeout = TimeSpan.FromSeconds(60) });
        await client.CreateAsync(_root, mode: CreateMode.Ephemeral);
        long session = client.SessionId;
        Task<SessionStatus> lost = client.Status.Next;

        // Without one of the others the third accepts connections and closes them.
        await Task.WhenAll((await _ensemble.FollowersAsync()).Select(server => server.StopAsync()));
        await Eventually.CompletesAsync("the client notices", lost);
        int before = proxies.Sum(proxy => proxy.Accepted);
        long start = TimeProvider.System.GetTimestamp();
        await Eventually.TrueAsync("fourteen attempts are made", () => proxies.Sum(proxy => proxy.Accepted) >= before + 14, s_recovery);
        TimeSpan took = TimeProvider.System.GetElapsedTime(start);
        await _ensemble.RestoreAsync();

        // Eight may come quickly; each of the others has to be earned for a second.
        Assert.True(took >= TimeSpan.FromSeconds(5), $"fourteen attempts within {took}");
        Assert.Equal(session, (await Eventually.CompletesAsync("the session goes on", client.ExistsAsync(_root), s_recovery))?.EphemeralOwner);
        Array.ForEach(proxies, proxy => proxy.Dispose());
    }

    [Fact]
    public async Task Z8_A_session_leaves_a_frozen_follower_within_its_timeout()
    {
        await using ZooKeeperClient client = await ClientOfFollowersAsync();
        await client.CreateAsync(_root, mode: CreateMode.Ephemeral);
        long session = client.SessionId;
        ZooKeeperServer used = _ensemble.ServerOf(client);
        Task<SessionStatus> lost = client.Status.Next;

        await used.FreezeAsync();
        Task<Stat?> waiting = client.ExistsAsync(_root);

        SessionStatus gone = await Eventually.CompletesAsync("the silence is noticed", lost);
        Assert.True(TimeProvider.System.GetElapsedTime(gone.Since) > client.SessionTimeout / 3, "what was unanswered counts");
        await Assert.ThrowsAsync<OutcomeUnknownException>(() => waiting);
        Assert.Equal(session, (await Eventually.CompletesAsync("the client has moved", client.ExistsAsync(_root)))?.EphemeralOwner);
        Assert.NotSame(used, _ensemble.ServerOf(client));
    }

    [Fact]
    public async Task N7_A_request_that_arrives_after_its_session_has_moved_has_no_effect()
    {
        IReadOnlyList<ZooKeeperServer> followers = await _ensemble.FollowersAsync();
        using var first = new ZooKeeperProxy(followers[0].Port);
        using var second = new ZooKeeperProxy(followers[1].Port);
        await using var client = new ZooKeeperClient(Options($"{first.ConnectString},{second.ConnectString}"));
        await client.CreateAsync(_root);
        (ZooKeeperProxy used, ZooKeeperServer behind) = first.Connects.Count > 0 ? (first, followers[0]) : (second, followers[1]);
        await using var other = new ZooKeeperClient(Options(behind.ConnectString));
        await other.SyncAsync("/");

        used.Stall(ProxyDirections.ToServer);
        Task<CreatedNode> late = client.CreateAsync($"{_root}/n-", mode: CreateMode.PersistentSequential);
        await Assert.ThrowsAsync<OutcomeUnknownException>(() => late);
        CreatedNode created = await Eventually.CompletesAsync(
            "the session has moved", client.CreateAsync($"{_root}/n-", mode: CreateMode.PersistentSequential));
        used.Resume();
        await Eventually.TrueAsync("the old request is delivered", () => used.Requests.Any(IsLateCreate));

        // On the same way to the leader and behind it.
        await other.CreateAsync($"{_root}/after");
        await client.SyncAsync(_root);
        NodeChildren? children = await client.GetChildrenAsync(_root);
        Assert.Equal(["after", created.Path[(_root.Length + 1)..]], children!.Names.Order());

        static bool IsLateCreate(ProxiedRequest request) => request.Connection == 1 && request.Kind == RequestKind.Create2 && request.Xid > 1;
    }

    [Fact]
    public async Task P9_A_server_that_lags_behind_closes_without_a_word_and_the_session_goes_on_elsewhere()
    {
        await using ZooKeeperServer older = await ZooKeeperServer.StartNewAsync();
        IReadOnlyList<ZooKeeperServer> followers = await _ensemble.FollowersAsync();
        using var proxy = new ZooKeeperProxy(followers[0].Port);
        var log = new RecordingLogger<ZooKeeperClient>();
        await using var client = new ZooKeeperClient(Options(proxy.ConnectString), log);
        await client.CreateAsync(_root, mode: CreateMode.Ephemeral);
        long session = client.SessionId;

        // Whatever lies there, its transactions are older than those the session has seen.
        proxy.Retarget(older.Port);
        await proxy.CutAsync(client);
        await Eventually.TrueAsync(
            "it is refused", () => log.Lines.Any(line => line.Text.Contains("older than what this session has seen", StringComparison.Ordinal)));
        proxy.Retarget(followers[1].Port);

        Assert.Equal(session, (await Eventually.CompletesAsync("the session goes on", client.ExistsAsync(_root)))?.EphemeralOwner);
    }

    private static async Task<Stat> WriteUntilDoneAsync(ZooKeeperClient client, string path)
    {
        while (true)
        {
            try
            {
                return await client.SetDataAsync(path, "x"u8.ToArray(), -1);
            }
            catch (OutcomeUnknownException)
            {
                // Written under no condition: once more does no harm.
            }
        }
    }

    private static ZooKeeperOptions Options(string servers) =>
        new() { Servers = ConnectString.Parse(servers), SessionTimeout = TimeSpan.FromSeconds(6) };

    /// <summary>A client that is connected to one of the followers and knows the other.</summary>
    private async Task<ZooKeeperClient> ClientOfFollowersAsync()
    {
        IReadOnlyList<ZooKeeperServer> followers = await _ensemble.FollowersAsync();
        var client = new ZooKeeperClient(Options(string.Join(',', followers.Select(server => server.ConnectString))));
        await Eventually.CompletesAsync("a follower is connected", client.WhenConnectedAsync());
        return client;
    }
}
