using LockService.Benchmarks.Contenders;
using LockService.Benchmarks.Load;

namespace LockService.Benchmarks.Conversations;

/// <summary>Takes and returns a lock by etcd's lock service, under a lease that the connection has anyhow.</summary>
internal sealed class EtcdLockCycle(string name, string lease) : Conversation
{
    private readonly ReadOnlyMemory<byte> _lock = HttpRequest.Fixed("/v3/lock/lock", $$"""{"name":"{{EtcdServer.Base64(name)}}","lease":"{{lease}}"}""");
    private readonly HttpRequest _unlock = new("/v3/lock/unlock", "{\"key\":\"", "\"}");
    private ReadOnlyMemory<byte> _unlockThis;

    protected override int Steps => 2;

    protected override ReadOnlyMemory<byte> Request(int step) => step == 0 ? _lock : _unlockThis;

    protected override bool IsExpected(int step, HttpAnswer answer)
    {
        if (step == 1)
        {
            return answer.Status == 200;
        }

        ReadOnlySpan<byte> key = Text(answer.Body, "\"key\":\""u8);
        _unlockThis = _unlock.With(key);
        return answer.Status == 200 && key.Length > 0;
    }
}

/// <summary>
/// The least that takes a free lock from etcd: a key put under a lease if it is not there, and deleted. No waiting line, which is what
/// etcd's lock service is for; the key's revision would do as a fencing token.
/// </summary>
internal sealed class EtcdKeyCycle(string name, string lease) : Conversation
{
    private readonly ReadOnlyMemory<byte> _put = HttpRequest.Fixed("/v3/kv/txn", Put(EtcdServer.Base64(name), lease));
    private readonly ReadOnlyMemory<byte> _delete = HttpRequest.Fixed("/v3/kv/deleterange", $$"""{"key":"{{EtcdServer.Base64(name)}}"}""");

    protected override int Steps => 2;

    protected override ReadOnlyMemory<byte> Request(int step) => step == 0 ? _put : _delete;

    protected override bool IsExpected(int step, HttpAnswer answer) =>
        answer.Status == 200 && (step == 1 || answer.Body.IndexOf("\"succeeded\":true"u8) >= 0);

    private static string Put(string key, string lease) =>
        $$$"""{"compare":[{"key":"{{{key}}}","target":"CREATE","create_revision":"0"}],"success":[{"request_put":{"key":"{{{key}}}","lease":"{{{lease}}}"}}]}""";
}
