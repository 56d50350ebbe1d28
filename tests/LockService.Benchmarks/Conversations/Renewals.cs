using LockService.Benchmarks.Load;

namespace LockService.Benchmarks.Conversations;

/// <summary>Renews a lease on a lock of its own, which the first request acquires.</summary>
internal sealed class Renewals(string name) : Conversation
{
    private readonly ReadOnlyMemory<byte> _acquire = HttpRequest.Fixed($"/v1/locks/{name}/acquire", """{"ttlMs":600000}""");
    private readonly HttpRequest _renew = new($"/v1/locks/{name}/renew", "{\"leaseId\":\"", "\"}");
    private ReadOnlyMemory<byte> _renewThis;

    protected override int Steps => 1;

    protected override ReadOnlyMemory<byte> Request(int step) => _renewThis.IsEmpty ? _acquire : _renewThis;

    protected override bool IsExpected(int step, HttpAnswer answer)
    {
        ReadOnlySpan<byte> lease = Text(answer.Body, "\"leaseId\":\""u8);
        if (answer.Status != 200 || lease.IsEmpty)
        {
            return false;
        }

        _renewThis = _renew.With(lease);
        return true;
    }
}

/// <summary>Acquires locks for ten minutes, one after the other, and keeps them.</summary>
internal sealed class Holdings(IReadOnlyList<string> names) : Conversation
{
    /// <summary>One cycle is the whole share of this connection.</summary>
    protected override int Steps => names.Count;

    protected override ReadOnlyMemory<byte> Request(int step) => HttpRequest.Fixed($"/v1/locks/{names[step]}/acquire", """{"ttlMs":600000}""");

    protected override bool IsExpected(int step, HttpAnswer answer) => answer.Status == 200;
}
