using LockService.ZooKeeper.Protocol;
using LockService.ZooKeeper.Session;
using Xunit;

namespace LockService.ZooKeeper.Tests.Protocol;

/// <summary>Whole frames as they were seen between the Java client and a real server.</summary>
public sealed class TestVectorTests
{
    private static readonly Chroot s_noChroot = new("");

    [Fact]
    public void A_connect_request_for_a_new_session()
    {
        using var writer = new JuteWriter();

        new ConnectRequest(0, 10_000, 0, new byte[16]).WriteTo(writer);

        AssertBytes("0000002d 00000000 0000000000000000 00002710 0000000000000000 00000010 00000000000000000000000000000000 00", writer);
    }

    [Fact]
    public void A_connect_response_that_says_expired()
    {
        ConnectResponse response = ReadConnectResponse("00000000 00000000 0000000000000000 00000010 00000000000000000000000000000000 00");

        Assert.Equal(0, response.TimeoutMs);
        Assert.Equal(0, response.SessionId);
        Assert.Equal(16, response.Password.Length);
        Assert.False(response.ReadOnly);
    }

    [Fact]
    public void A_connect_response_of_a_server_before_3_4_has_no_read_only_flag()
    {
        ConnectResponse response = ReadConnectResponse("00000000 00002710 0000000000000007 00000002 abcd");

        Assert.Equal(7, response.SessionId);
        Assert.Equal(10_000, response.TimeoutMs);
        Assert.False(response.ReadOnly);
    }

    [Fact]
    public void A_ping()
    {
        using var writer = new JuteWriter();

        ConnectionWriter.WritePing(writer);

        AssertBytes("00000008 fffffffe 0000000b", writer);
    }

    [Fact]
    public void The_creation_of_an_ephemeral_sequential_node() =>
        AssertFrame(
            "00000032 00000001 0000000f 00000002 2f61 00000001 78 00000001 0000001f 00000005 776f726c64 00000006 616e796f6e65 00000003",
            1,
            new CreateMessage(s_noChroot, "/a", "x"u8.ToArray(), CreateMode.EphemeralSequential, Acl.Open, 0));

    [Fact]
    public void An_exists_with_a_watch() =>
        AssertFrame<ExistsMessage, Stat?>("0000000f 00000002 00000003 00000002 2f61 01", 2, new ExistsMessage("/a", () => true));

    [Fact]
    public void A_deletion_of_any_version() =>
        AssertFrame<DeleteMessage, Nothing>("00000012 00000003 00000002 00000002 2f61 ffffffff", 3, new DeleteMessage("/a", -1));

    [Fact]
    public void A_multi_of_a_check_and_a_deletion()
    {
        Transaction transaction = new Transaction().Check("/a", 5).Delete("/a");

        AssertFrame<MultiMessage, TransactionResult>(
            "00000037 00000004 0000000e 0000000d00ffffffff 00000002 2f61 00000005 0000000200ffffffff 00000002 2f61 ffffffff ffffffff01ffffffff",
            4,
            new MultiMessage(s_noChroot, [.. transaction.Parts]));
    }

    [Fact]
    public void A_close_of_the_session() =>
        AssertFrame<CloseSessionMessage, Nothing>("00000008 00000005 fffffff5", 5, default);

    [Fact]
    public void The_reply_to_a_multi_that_failed_at_its_check()
    {
        TransactionPart[] parts = [.. new Transaction().Check("/a", 5).Delete("/a").Parts];
        var body = new JuteReader(Hex("ffffffff00ffffff99 ffffff99 ffffffff00fffffffe fffffffe ffffffff01ffffffff"));

        TransactionResult result = new MultiMessage(s_noChroot, parts).ReadFrom(ref body);

        Assert.False(result.Committed);
        Assert.Equal(ErrorCode.BadVersion, result.Error);
        Assert.Equal(0, result.FailedIndex);
    }

    internal static byte[] Hex(string text) => Convert.FromHexString(text.Replace(" ", "", StringComparison.Ordinal));

    private static ConnectResponse ReadConnectResponse(string hex)
    {
        var reader = new JuteReader(Hex(hex));
        return ConnectResponse.ReadFrom(ref reader);
    }

    private static void AssertFrame(string hex, int xid, CreateMessage message) => AssertFrame<CreateMessage, CreatedNode>(hex, xid, message);

    internal static void AssertFrame<TMessage, TReply>(string hex, int xid, TMessage message)
        where TMessage : struct, IMessage<TReply>
    {
        using var writer = new JuteWriter();
        var queue = new RequestQueue(100, 100, TimeProvider.System);
        for (int i = 1; i < xid; i++)
        {
            queue.Enqueue(new PendingRequest<CloseSessionMessage, Nothing>(default, null));
        }

        queue.TakeBatch(writer, int.MaxValue, int.MaxValue);
        writer.Clear();
        queue.Enqueue(new PendingRequest<TMessage, TReply>(message, null));

        queue.TakeBatch(writer, int.MaxValue, int.MaxValue);

        AssertBytes(hex, writer);
    }

    private static void AssertBytes(string hex, JuteWriter written) =>
        Assert.Equal(Convert.ToHexString(Hex(hex)), Convert.ToHexString(written.Written));
}
