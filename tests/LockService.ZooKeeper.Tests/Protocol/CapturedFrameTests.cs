using System.Text;
using LockService.ZooKeeper.Protocol;
using Xunit;

namespace LockService.ZooKeeper.Tests.Protocol;

/// <summary>
/// Requests that a ZooKeeper 3.8.0 carried out, and what it answered: on a tree with the node <c>/a</c> that holds "x". The requests were
/// encoded by other code than this project's.
/// </summary>
public sealed class CapturedFrameTests
{
    private const string OpenAcl = "00000001 0000001f 00000005 776f726c64 00000006 616e796f6e65";
    private const string StatOfA = "0000000000000002 0000000000000002 000001a1fd7ecdbd 000001a1fd7ecdbd 00000000 00000000 00000000 0000000000000000 00000001 00000000 0000000000000002";

    private static readonly Chroot s_noChroot = new("");
    private static readonly Stat s_statOfA = new(2, 2, 0x1a1fd7ecdbd, 0x1a1fd7ecdbd, 0, 0, 0, 0, 1, 0, 2);

    [Fact]
    public void Reading_an_access_control_list()
    {
        var message = new GetAclMessage("/a");

        TestVectorTests.AssertFrame<GetAclMessage, NodeAcl?>("0000000e 00000002 00000006 00000002 2f61", 2, message);
        NodeAcl? reply = Reply<GetAclMessage, NodeAcl?>(message, OpenAcl + StatOfA);
        Assert.Equal(Acl.Open, reply?.Entries);
        Assert.Equal(s_statOfA, reply?.Stat);
    }

    [Fact]
    public void Setting_an_access_control_list()
    {
        var message = new SetAclMessage("/a", Acl.Open, 0);

        TestVectorTests.AssertFrame<SetAclMessage, Stat>($"0000002d 00000003 00000007 00000002 2f61 {OpenAcl} 00000000", 3, message);
        Assert.Equal(s_statOfA, Reply<SetAclMessage, Stat>(message, StatOfA));
    }

    [Fact]
    public void Asking_who_one_is()
    {
        TestVectorTests.AssertFrame<WhoAmIMessage, IReadOnlyList<ClientIdentity>>("00000008 00000004 0000006b", 4, default);
        IReadOnlyList<ClientIdentity> reply =
            Reply<WhoAmIMessage, IReadOnlyList<ClientIdentity>>(default, "00000001 00000002 6970 00000009 3132372e302e302e31");
        Assert.Equal([new ClientIdentity("ip", "127.0.0.1")], reply);
    }

    [Fact]
    public void Counting_descendants()
    {
        var message = new CountDescendantsMessage("/a");

        TestVectorTests.AssertFrame<CountDescendantsMessage, int?>("0000000e 00000005 00000068 00000002 2f61", 5, message);
        Assert.Equal(0, Reply<CountDescendantsMessage, int?>(message, "00000000"));
    }

    [Fact]
    public void A_batch_of_reads_of_which_one_fails()
    {
        var message = new MultiReadMessage(s_noChroot, [.. new ReadBatch().GetData("/a").GetChildren("/").GetData("/no").Parts]);

        TestVectorTests.AssertFrame<MultiReadMessage, ReadBatchResult>(
            "00000041 00000006 00000016 0000000400ffffffff 00000002 2f61 00 0000000800ffffffff 00000001 2f 00 0000000400ffffffff 00000003 2f6e6f 00 ffffffff01ffffffff",
            6,
            message);
        ReadBatchResult reply = Reply<MultiReadMessage, ReadBatchResult>(
            message,
            $"000000040000000000 00000001 78 {StatOfA} 000000080000000000 00000002 00000001 61 00000009 7a6f6f6b6565706572 ffffffff00ffffff9b ffffff9b ffffffff01ffffffff");
        Assert.Equal("x"u8.ToArray(), reply.Data(0)?.Data.ToArray());
        Assert.Equal(s_statOfA, reply.Data(0)?.Stat);
        Assert.Equal(["a", "zookeeper"], reply.Children(1));
        Assert.Equal(ErrorCode.NoNode, reply.Error(2));
    }

    [Fact]
    public void Adding_a_watch_of_a_subtree() => TestVectorTests.AssertFrame<AddWatchMessage, Nothing>(
        "00000012 00000007 0000006a 00000002 2f61 00000001", 7, new AddWatchMessage("/a", WatchScope.Subtree));

    [Fact]
    public void Asking_for_watches() => TestVectorTests.AssertFrame<CheckWatchesMessage, bool>(
        "00000012 00000008 00000011 00000002 2f61 00000003", 8, new CheckWatchesMessage("/a", WatcherType.Any, remove: false));

    [Fact]
    public void Removing_watches() => TestVectorTests.AssertFrame<CheckWatchesMessage, bool>(
        "00000012 00000009 00000012 00000002 2f61 00000003", 9, new CheckWatchesMessage("/a", WatcherType.Any, remove: true));

    [Fact]
    public void That_no_watch_was_found_is_an_answer_and_no_failure()
    {
        IMessage<bool> message = new CheckWatchesMessage("/a", WatcherType.Any, remove: true);

        Assert.True(message.TryReadError(ErrorCode.NoWatcher, out bool found));
        Assert.False(found);
    }

    [Fact]
    public void Adding_a_server_to_the_ensemble() => TestVectorTests.AssertFrame<ReconfigMessage, NodeData>(
        "00000035 0000000b 00000010 00000019 7365727665722e323d683a313a323a6f627365727665723b33 ffffffff ffffffff ffffffffffffffff",
        11,
        new ReconfigMessage("server.2=h:1:2:observer;3", null, null, -1));

    [Fact]
    public void The_configuration_that_a_reconfiguration_returns()
    {
        const string config =
            "server.1=127.0.0.1:26051:31003:participant;127.0.0.1:25024\n"
            + "server.2=127.0.0.1:22558:30942:participant;127.0.0.1:31067\n"
            + "server.3=127.0.0.1:20233:23088:participant;127.0.0.1:25902\n"
            + "version=10000000a";

        NodeData reply = Reply<ReconfigMessage, NodeData>(
            new ReconfigMessage(null, null, "ignored by the reply", -1),
            "000000c2"
            + "7365727665722e313d3132372e302e302e313a32363035313a33313030333a7061727469636970616e743b3132372e302e302e313a32353032340a"
            + "7365727665722e323d3132372e302e302e313a32323535383a33303934323a7061727469636970616e743b3132372e302e302e313a33313036370a"
            + "7365727665722e333d3132372e302e302e313a32303233333a32333038383a7061727469636970616e743b3132372e302e302e313a32353930320a"
            + "76657273696f6e3d313030303030303061"
            + "0000000000000000 000000010000000a 0000000000000000 000001a1fe04682a ffffffff 00000000 ffffffff 0000000000000000 000000c2 00000000 0000000000000000");

        Assert.Equal(config, Encoding.UTF8.GetString(reply.Data.Span));
        Assert.Equal(new Stat(0, 0x10000000a, 0, 0x1a1fe04682a, -1, 0, -1, 0, 194, 0, 0), reply.Stat);
    }

    /// <summary>As captured, but for the number of the request: this client registers watches under one of their own.</summary>
    [Fact]
    public void Registering_persistent_watches_on_a_new_connection()
    {
        using var writer = new JuteWriter();

        SetWatchesFrame.WriteAll(writer, 2, [(WatchKind.Persistent, "/a"), (WatchKind.Recursive, "/b")]);

        Assert.Equal(
            TestVectorTests.Hex("00000030 fffffff8 00000069 0000000000000002 00000000 00000000 00000000 00000001 00000002 2f61 00000001 00000002 2f62"),
            writer.Written.ToArray());
    }

    [Fact]
    public void Watches_of_children_that_must_come_after_recursive_ones_get_a_frame_of_their_own()
    {
        using var writer = new JuteWriter();

        SetWatchesFrame.WriteAll(writer, 2, [(WatchKind.Recursive, "/a"), (WatchKind.Child, "/a")]);

        Assert.Equal(
            TestVectorTests.Hex(
                "0000002a fffffff8 00000069 0000000000000002 00000000 00000000 00000000 00000000 00000001 00000002 2f61"
                + "0000002a fffffff8 00000069 0000000000000002 00000000 00000000 00000001 00000002 2f61 00000000 00000000"),
            writer.Written.ToArray());
    }

    private static TReply Reply<TMessage, TReply>(TMessage message, string hex)
        where TMessage : struct, IMessage<TReply>
    {
        var reader = new JuteReader(TestVectorTests.Hex(hex));
        TReply reply = message.ReadFrom(ref reader);
        Assert.Equal(0, reader.Remaining);
        return reply;
    }
}
