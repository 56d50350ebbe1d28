using LockService.Recipes;

namespace LockService.Api.Hosting;

/// <summary>
/// Ends the service without failing anybody's request, within 10 s:
/// <list type="number">
/// <item>readiness fails, waiters are answered 503, new requests are refused with 503;</item>
/// <item>the service goes on listening for a moment, so that load balancers notice;</item>
/// <item>the server stops listening and finishes the requests in flight;</item>
/// <item>the ZooKeeper sessions are closed, which removes what this instance left waiting there.</item>
/// </list>
/// </summary>
internal sealed class GracefulShutdown(Coordination coordination, ApiOptions options, TimeProvider clock, IHostApplicationLifetime lifetime)
    : IHostedLifecycleService
{
    /// <summary>How long steps 2 and 3 may take together; the rest of the 10 s is for step 4, the disposal of the coordination.</summary>
    internal static readonly TimeSpan RequestDeadline = TimeSpan.FromSeconds(6);

    public Task StartingAsync(CancellationToken cancellationToken)
    {
        lifetime.ApplicationStopping.Register(coordination.Drain);
        return Task.CompletedTask;
    }

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppingAsync(CancellationToken cancellationToken) =>
        Task.Delay(options.DrainDelay, clock, cancellationToken).ContinueWith(_ => { }, TaskScheduler.Default);

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
