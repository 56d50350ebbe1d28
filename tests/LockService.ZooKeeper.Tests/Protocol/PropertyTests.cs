using FsCheck;
using FsCheck.Fluent;
using LockService.ZooKeeper.Protocol;
using Xunit;

namespace LockService.ZooKeeper.Tests.Protocol;

/// <summary>What holds for arbitrary bytes and arbitrary values. A failure prints the smallest case and the seed to repeat it.</summary>
public sealed class PropertyTests
{
    /// <summary>What one value read from a few bytes may take; a length that was believed would take gigabytes.</summary>
    private const long AllowedPerByte = 64;

    private static readonly Chroot s_chroot = new("/chroot");

    private static readonly MultiMessage s_transaction =
        new(s_chroot, [.. new Transaction().Delete("/a").SetData("/b", default, 0).Create("/c", default, CreateMode.Persistent).Parts]);

    private static readonly MultiReadMessage s_batch = new(s_chroot, [.. new ReadBatch().GetData("/a").GetChildren("/b").Parts]);

    /// <summary>Bytes as a hostile or broken server may send them: mostly small numbers, which lead deeper than noise does.</summary>
    private static readonly Gen<byte[]> s_bytes =
        Gen.Frequency<byte>((3, Gen.Constant((byte)0)), (2, Gen.Choose(0, 22).Select(b => (byte)b)), (1, Gen.Constant((byte)255)), (1, Gen.Choose(0, 255).Select(b => (byte)b)))
            .ArrayOf();

    private delegate object? Read(ref JuteReader reader);

    public static TheoryData<string> Readers => [.. s_readers.Keys];

    private static readonly Dictionary<string, Read> s_readers = new()
    {
        ["a buffer"] = static (ref JuteReader reader) => reader.ReadBuffer(),
        ["a string"] = static (ref JuteReader reader) => reader.ReadString(),
        ["strings"] = static (ref JuteReader reader) => reader.ReadStrings(),
        ["a stat"] = static (ref JuteReader reader) => reader.ReadStat(),
        ["an access control list"] = static (ref JuteReader reader) => reader.ReadAcl(),
        ["a connect response"] = static (ref JuteReader reader) => ConnectResponse.ReadFrom(ref reader),
        ["a transaction's result"] = static (ref JuteReader reader) => s_transaction.ReadFrom(ref reader),
        ["a batch's result"] = static (ref JuteReader reader) => s_batch.ReadFrom(ref reader),
        ["identities"] = static (ref JuteReader reader) => new WhoAmIMessage().ReadFrom(ref reader),
        ["a created node"] = static (ref JuteReader reader) => new CreateMessage(s_chroot, "/a", default, CreateMode.Persistent, Acl.Open, 0).ReadFrom(ref reader),
    };

    [Theory]
    [MemberData(nameof(Readers))]
    public void Arbitrary_bytes_give_a_value_or_a_protocol_error_and_take_memory_in_proportion(string what)
    {
        Read read = s_readers[what];

        Check.One(Config.QuickThrowOnFailure.WithMaxTest(1_000).WithEndSize(200), Prop.ForAll(s_bytes.ToArbitrary(), bytes =>
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                var reader = new JuteReader(bytes);
                read(ref reader);
                return GC.GetAllocatedBytesForCurrentThread() - before < 4096 + (AllowedPerByte * bytes.Length);
            }
            catch (ProtocolException)
            {
                return true;
            }
        }));
    }

    [Fact]
    public void Whatever_was_written_reads_back() =>
        Check.One(Config.QuickThrowOnFailure, Prop.ForAll<int, long, byte[]>((number, large, bytes) =>
        {
            using var writer = new JuteWriter();
            writer.WriteInt(number);
            writer.WriteLong(large);
            writer.WriteBuffer(bytes);
            writer.WriteBool(number > 0);
            var reader = new JuteReader(writer.Written);
            return reader.ReadInt() == number && reader.ReadLong() == large && reader.ReadBuffer().AsSpan().SequenceEqual(bytes)
                && reader.ReadBool() == number > 0 && reader.Remaining == 0;
        }));

    [Fact]
    public void Whatever_texts_were_written_read_back() =>
        Check.One(Config.QuickThrowOnFailure, Prop.ForAll<NonNull<string>[]>(texts =>
        {
            // Half a surrogate pair is no text, and has no encoding.
            string[] valid = [.. texts.Select(text => new string([.. text.Get.Where(c => !char.IsSurrogate(c))]))];
            using var writer = new JuteWriter();
            writer.WriteStrings(valid);
            writer.WriteAcl([.. valid.Select(text => new Acl(Permissions.Read, text, text))]);
            var reader = new JuteReader(writer.Written);
            return reader.ReadStrings().SequenceEqual(valid) && reader.ReadAcl().Select(entry => entry.Id).SequenceEqual(valid) && reader.Remaining == 0;
        }));

    [Fact]
    public void Whatever_a_connect_response_says_reads_back() =>
        Check.One(Config.QuickThrowOnFailure, Prop.ForAll<int, long, byte[]>((timeout, session, password) =>
        {
            using var writer = new JuteWriter();
            writer.WriteInt(0);
            writer.WriteInt(timeout);
            writer.WriteLong(session);
            writer.WriteBuffer(password);
            writer.WriteBool(timeout > 0);
            var reader = new JuteReader(writer.Written);
            ConnectResponse response = ConnectResponse.ReadFrom(ref reader);
            return response.TimeoutMs == timeout && response.SessionId == session && response.Password.AsSpan().SequenceEqual(password)
                && response.ReadOnly == timeout > 0;
        }));
}
