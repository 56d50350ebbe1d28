using LockService.Benchmarks.Load;

namespace LockService.Benchmarks.Conversations;

/// <summary>Enqueues a message, dequeues the oldest, which may be another's, and acknowledges that.</summary>
internal sealed class QueueCycle(string name) : Conversation
{
    private readonly ReadOnlyMemory<byte> _enqueue = HttpRequest.Fixed($"/v1/queues/{name}/enqueue", """{"body":{"n":1}}""");
    private readonly ReadOnlyMemory<byte> _dequeue = HttpRequest.Fixed($"/v1/queues/{name}/dequeue", """{"waitMs":10000}""");
    private readonly HttpRequest _ack = new($"/v1/queues/{name}/ack", "{\"leaseIds\":[\"", "\"]}");
    private ReadOnlyMemory<byte> _ackThis;

    protected override int Steps => 3;

    protected override ReadOnlyMemory<byte> Request(int step) => step switch
    {
        0 => _enqueue,
        1 => _dequeue,
        _ => _ackThis,
    };

    protected override bool IsExpected(int step, HttpAnswer answer)
    {
        switch (step)
        {
            case 0:
                return answer.Status == 201;
            case 1:
                ReadOnlySpan<byte> lease = Text(answer.Body, "\"leaseId\":\""u8);
                _ackThis = _ack.With(lease);
                return answer.Status == 200 && lease.Length > 0;
            default:
                return answer.Status == 200 && answer.Body.IndexOf("\"acked\":1"u8) >= 0;
        }
    }
}

/// <summary>Enqueues messages by the hundred, until there are enough.</summary>
internal sealed class QueueFilling(string name, int requests) : Conversation
{
    private const int AtOnce = 100;

    private readonly ReadOnlyMemory<byte> _enqueue = HttpRequest.Fixed(
        $"/v1/queues/{name}/enqueue", "{\"messages\":[" + string.Join(',', Enumerable.Repeat("""{"body":{"n":1}}""", AtOnce)) + "]}");

    /// <summary>Conversations that together enqueue so many messages in one cycle each.</summary>
    internal static IEnumerable<QueueFilling> Many(string name, int messages, int connections) =>
        Enumerable.Range(0, connections).Select(_ => new QueueFilling(name, messages / AtOnce / connections));

    /// <summary>One cycle is the whole share of this connection.</summary>
    protected override int Steps => requests;

    protected override ReadOnlyMemory<byte> Request(int step) => _enqueue;

    protected override bool IsExpected(int step, HttpAnswer answer) => answer.Status == 201;
}
