using System.Collections.Concurrent;
using LockService.Testing;
using LockService.ZooKeeper;

namespace LockService.Api.Tests.EndToEnd.Native;

/// <summary>
/// kazoo's <c>WriteLock</c> and <c>ReadLock</c> as README tells Python users to make them, each contender in a process of its own.
/// </summary>
internal sealed class KazooLocks(string zooKeeper) : INativeClient
{
    private readonly ConcurrentDictionary<int, Kazoo> _contenders = new();

    public async Task<bool> AcquireAsync(int contender, string path, bool shared)
    {
        Kazoo kazoo = _contenders.GetOrAdd(contender, _ => new Kazoo(ConnectString.Parse(zooKeeper)));
        string made = shared
            ? $"(lock := zk.ReadLock('{path}', 'kazoo-{contender}', extra_lock_patterns=['-__WRIT__']), "
                + "setattr(lock, '_contenders_re', __import__('re').compile('(?:__lock__|-__WRIT__|%s)(-?[0-9]{10})$' % lock.prefix)))"
            : $"(lock := zk.WriteLock('{path}', 'kazoo-{contender}', extra_lock_patterns=['-__WRIT__', '-__READ__']),)";
        await kazoo.EvaluateAsync($"len({made})");
        return (await kazoo.EvaluateAsync("lock.acquire(timeout=25)")).GetBoolean();
    }

    public async Task ReleaseAsync(int contender) => await _contenders[contender].EvaluateAsync("lock.release()");

    public void Kill()
    {
        foreach (Kazoo kazoo in _contenders.Values)
        {
            kazoo.Kill();
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (Kazoo kazoo in _contenders.Values)
        {
            await kazoo.DisposeAsync();
        }
    }
}
