namespace LockService.Api.Tests.EndToEnd.Native;

/// <summary>Locks of another library, straight on ZooKeeper, by contenders that are told apart by numbers.</summary>
internal interface INativeClient : IAsyncDisposable
{
    /// <summary>Waits for the lock, up to 25 s.</summary>
    /// <returns>Whether it has it.</returns>
    Task<bool> AcquireAsync(int contender, string path, bool shared);

    /// <summary>Releases what the contender has.</summary>
    Task ReleaseAsync(int contender);

    /// <summary>Ends the process like a crash would: the sessions live on until they time out.</summary>
    void Kill();
}
