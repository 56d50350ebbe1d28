using System.Globalization;
using LockService.Benchmarks.Load;

namespace LockService.Benchmarks.Conversations;

/// <summary>Acquires a lock of the service and releases it.</summary>
/// <param name="name">The lock.</param>
/// <param name="waitMs">How long to wait for it.</param>
internal sealed class LockCycle(string name, int waitMs) : Conversation
{
    private readonly ReadOnlyMemory<byte> _acquire = HttpRequest.Fixed(
        $"/v1/locks/{name}/acquire", string.Create(CultureInfo.InvariantCulture, $$"""{"ttlMs":60000,"waitMs":{{waitMs}}}"""));

    private readonly HttpRequest _release = new($"/v1/locks/{name}/release", "{\"leaseId\":\"", "\"}");
    private ReadOnlyMemory<byte> _releaseThis;

    protected override int Steps => 2;

    protected override ReadOnlyMemory<byte> Request(int step) => step == 0 ? _acquire : _releaseThis;

    protected override bool IsExpected(int step, HttpAnswer answer)
    {
        if (step == 1)
        {
            return answer.Status == 204;
        }

        ReadOnlySpan<byte> lease = Text(answer.Body, "\"leaseId\":\""u8);
        _releaseThis = _release.With(lease);
        return answer.Status == 200 && lease.Length > 0;
    }
}
