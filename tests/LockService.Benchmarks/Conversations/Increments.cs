using LockService.Benchmarks.Load;

namespace LockService.Benchmarks.Conversations;

/// <summary>Increments counters of the service, one after the other.</summary>
/// <param name="names">The counters.</param>
/// <param name="first">The index of the first one, so that connections do not walk in step.</param>
internal sealed class Increments(IReadOnlyList<string> names, int first = 0) : Conversation
{
    private readonly ReadOnlyMemory<byte>[] _requests = [.. names.Select(name => HttpRequest.Fixed($"/v1/counters/{name}/increment", ""))];
    private int _next = first;

    protected override int Steps => 1;

    protected override ReadOnlyMemory<byte> Request(int step)
    {
        _next = (_next + 1) % _requests.Length;
        return _requests[_next];
    }

    protected override bool IsExpected(int step, HttpAnswer answer) => answer.Status == 200 && answer.Body.IndexOf("\"value\":"u8) >= 0;
}
