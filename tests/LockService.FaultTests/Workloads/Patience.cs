namespace LockService.FaultTests.Workloads;

/// <summary>How long clients who were told to stop go on repeating what is not settled yet.</summary>
internal sealed class Patience : IDisposable
{
    private static readonly TimeSpan s_afterStop = TimeSpan.FromMinutes(2);

    private readonly CancellationTokenSource _over = new();
    private readonly CancellationTokenRegistration _registration;

    internal Patience(CancellationToken stop) => _registration = stop.Register(() => _over.CancelAfter(s_afterStop));

    /// <summary>Cancelled two minutes after the stop.</summary>
    internal CancellationToken Over => _over.Token;

    public void Dispose()
    {
        _registration.Dispose();
        _over.Dispose();
    }
}
