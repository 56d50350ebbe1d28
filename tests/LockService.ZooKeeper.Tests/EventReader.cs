using LockService.Testing;
using Xunit;

namespace LockService.ZooKeeper.Tests;

/// <summary>Reads the stream of a persistent watch with a limit on the time.</summary>
internal sealed class EventReader(PersistentWatch watch) : IAsyncDisposable
{
    private readonly IAsyncEnumerator<WatchEvent> _events = watch.GetAsyncEnumerator();

    public ValueTask DisposeAsync() => _events.DisposeAsync();

    internal async Task ExpectAsync(params (WatchEventType Type, string Path)[] expected)
    {
        foreach ((WatchEventType type, string path) in expected)
        {
            bool more = await Eventually.CompletesAsync($"{watch.Path} reports {type} of {path}", _events.MoveNextAsync().AsTask());
            Assert.True(more);
            Assert.Equal(new WatchEvent(type, path), _events.Current);
        }
    }

    internal async Task ExpectEndAsync() =>
        Assert.False(await Eventually.CompletesAsync($"the stream of {watch.Path} ends", _events.MoveNextAsync().AsTask()));
}
