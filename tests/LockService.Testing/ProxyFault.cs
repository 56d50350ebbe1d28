namespace LockService.Testing;

/// <summary>What a fault does to the request it was set for, or to the reply.</summary>
internal enum ProxyFaultKind
{
    /// <summary>The request reaches nobody, and the connection is cut.</summary>
    CutBeforeForwarding,

    /// <summary>The request reaches the server; its reply is swallowed, and the connection is cut.</summary>
    DropReply,

    /// <summary>The request reaches the server; its reply is swallowed, and everything else goes on.</summary>
    SwallowReply,

    /// <summary>The connection is reset after half of the reply's bytes.</summary>
    ResetInMidReply,

    /// <summary>The reply is changed on its way.</summary>
    RewriteReply,
}

/// <summary>A fault that waits for its request; it strikes once.</summary>
internal sealed class ProxyFault(ProxyFaultKind kind, Func<ProxiedRequest, bool> strikes, Func<byte[], byte[]>? rewrite = null)
{
    private readonly TaskCompletionSource _struck = new(TaskCreationOptions.RunContinuationsAsynchronously);

    internal ProxyFaultKind Kind => kind;

    internal Task Struck => _struck.Task;

    internal bool Strikes(ProxiedRequest request) => strikes(request);

    internal byte[] Rewrite(byte[] reply) => rewrite!(reply);

    internal void Report() => _struck.TrySetResult();
}
