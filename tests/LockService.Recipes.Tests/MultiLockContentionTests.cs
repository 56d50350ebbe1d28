using LockService.Testing;
using Xunit;
using Xunit.Abstractions;

namespace LockService.Recipes.Tests;

/// <summary>Many callers on overlapping sets of locks, through several instances: all come through, and nobody shares what is not to be shared.</summary>
[Collection("zookeeper")]
public sealed class MultiLockContentionTests(ZooKeeperFixture zooKeeper, ITestOutputHelper output) : IAsyncLifetime
{
    private const int Names = 6;
    private static readonly TimeSpan s_all = TimeSpan.FromMinutes(4);
    private readonly ExclusionWitness[] _witnesses = [.. Enumerable.Range(0, Names).Select(_ => new ExclusionWitness())];
    private readonly int _seed = Random.Shared.Next();
    private Instances _instances = null!;

    public async Task InitializeAsync()
    {
        _instances = await Instances.OnAsync(zooKeeper);
        output.WriteLine($"seed {_seed}");
    }

    public async Task DisposeAsync() => await _instances.DisposeAsync();

    [Fact]
    public async Task Callers_that_name_locks_in_any_order_come_through_and_exclude_each_other_and_those_of_single_locks()
    {
        const int clients = 24;
        const int cycles = 12;
        Coordination[] instances = [_instances.Start(), _instances.Start(), _instances.Start()];

        Task all = Task.WhenAll(Enumerable.Range(0, clients).Select(async client =>
        {
            var random = new Random(_seed + client);
            for (int i = 0; i < cycles; i++)
            {
                int[] names = [.. Enumerable.Range(0, Names).OrderBy(_ => random.Next()).Take(client % 4 == 0 ? 1 : random.Next(1, Names))];
                Coordination releasing = instances[random.Next(instances.Length)];
                await (client % 4 == 0
                    ? HoldOneAsync(instances[client % instances.Length], releasing, names[0])
                    : HoldAsync(instances[client % instances.Length], releasing, names));
            }
        }));
        await Eventually.CompletesAsync("all come through", all, s_all);

        Assert.True(_witnesses.Sum(witness => witness.Entered) >= clients * cycles);
        await NothingIsLeftAsync();
    }

    [Fact]
    public async Task Readers_and_writers_of_several_locks_never_hold_one_together()
    {
        const int clients = 24;
        Coordination[] instances = [_instances.Start(), _instances.Start()];
        var gate = new Lock();
        int[] readers = new int[Names];
        int[] writers = new int[Names];
        long[] lastWriterToken = new long[Names];

        Task all = Task.WhenAll(Enumerable.Range(0, clients).Select(async client =>
        {
            var random = new Random(_seed + client);
            for (int i = 0; i < 10; i++)
            {
                LockMember[] locks =
                [
                    .. Enumerable.Range(0, Names).OrderBy(_ => random.Next()).Take(random.Next(1, Names))
                        .Select(name => new LockMember($"{name}", random.Next(3) == 0 ? LockMode.Exclusive : LockMode.Shared)),
                ];
                MultiLocks mine = instances[client % instances.Length].MultiLocks;
                MultiGrant grant = await MultiLockTests.GrantedAsync(mine.AcquireAsync(locks, Waiting(client), default));
                lock (gate)
                {
                    foreach ((int name, bool writes) in grant.Locks.Select(one => (int.Parse(one.Name, null), one.Mode == LockMode.Exclusive)))
                    {
                        (writes ? writers : readers)[name]++;
                        Assert.True(writers[name] == 0 || (writers[name] == 1 && readers[name] == 0), $"{writers[name]} writers, {readers[name]} readers");
                        Assert.True(grant.FencingToken > lastWriterToken[name], "a token does not rise over that of an earlier writer");
                        lastWriterToken[name] = writes ? grant.FencingToken : lastWriterToken[name];
                    }
                }

                await Task.Yield();
                lock (gate)
                {
                    foreach (LockMember one in grant.Locks)
                    {
                        (one.Mode == LockMode.Exclusive ? writers : readers)[int.Parse(one.Name, null)]--;
                    }
                }

                Assert.True(await mine.ReleaseAsync(grant.LeaseId, null));
            }
        }));
        await Eventually.CompletesAsync("all come through", all, s_all);

        await NothingIsLeftAsync();
    }

    [Fact]
    public async Task Callers_that_do_not_wait_get_all_or_nothing()
    {
        Coordination[] instances = [_instances.Start(), _instances.Start()];
        int granted = 0;

        Task all = Task.WhenAll(Enumerable.Range(0, 12).Select(async client =>
        {
            var random = new Random(_seed + client);
            while (Volatile.Read(ref granted) < 100)
            {
                int[] names = [.. Enumerable.Range(0, Names).OrderBy(_ => random.Next()).Take(random.Next(1, 4))];
                MultiLocks mine = instances[client % 2].MultiLocks;
                MultiAcquireResult result = await mine.AcquireAsync(Exclusive(names), Waiting(client) with { Wait = TimeSpan.Zero }, default);
                if (result is MultiAcquireResult.Granted { Grant: var grant })
                {
                    Array.ForEach(names, name => _witnesses[name].Enter(grant.FencingToken));
                    Interlocked.Increment(ref granted);
                    Array.ForEach(names, name => _witnesses[name].Leave());
                    Assert.True(await mine.ReleaseAsync(grant.LeaseId, null));
                }
            }
        }));
        await Eventually.CompletesAsync("all come through", all, s_all);

        await NothingIsLeftAsync();
    }

    private async Task HoldAsync(Coordination acquiring, Coordination releasing, int[] names)
    {
        MultiGrant grant = await MultiLockTests.GrantedAsync(acquiring.MultiLocks.AcquireAsync(Exclusive(names), Waiting(names.Length), default));
        Array.ForEach(names, name => _witnesses[name].Enter(grant.FencingToken));
        await Task.Yield();
        Array.ForEach(names, name => _witnesses[name].Leave());
        Assert.True(await releasing.MultiLocks.ReleaseAsync(grant.LeaseId, null));
    }

    private async Task HoldOneAsync(Coordination acquiring, Coordination releasing, int name)
    {
        LockGrant grant = await Instances.GrantedAsync(acquiring.Locks.AcquireAsync($"{name}", Waiting(name), default));
        _witnesses[name].Enter(grant.FencingToken);
        await Task.Yield();
        _witnesses[name].Leave();
        Assert.True(await releasing.Locks.ReleaseAsync($"{name}", grant.LeaseId));
    }

    private async Task NothingIsLeftAsync()
    {
        for (int name = 0; name < Names; name++)
        {
            await _instances.QueueIsAsync($"{name}", 0);
        }
    }

    private static LockMember[] Exclusive(int[] names) => [.. names.Select(name => new LockMember($"{name}", LockMode.Exclusive))];

    private static AcquireOptions Waiting(int client) => new() { Owner = $"client-{client}", Wait = TimeSpan.FromMinutes(3), Ttl = TimeSpan.FromMinutes(5) };
}
