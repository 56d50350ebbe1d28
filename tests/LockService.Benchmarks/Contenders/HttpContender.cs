using LockService.Benchmarks.Load;

namespace LockService.Benchmarks.Contenders;

/// <summary>A server under the load of this process.</summary>
internal sealed class HttpContender(string name, HttpLoad load) : IContender
{
    public string Name => name;

    public Task<Figure> RunAsync(TimeSpan duration) =>
        Task.Factory.StartNew(() => load.Run(duration), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    public void Dispose() => load.Dispose();
}
