using LockService.ZooKeeper.Protocol;
using Xunit;

namespace LockService.ZooKeeper.Tests.Protocol;

public sealed class JuteTests
{
    private static readonly MultiMessage s_twoDeletions =
        new(new Chroot(""), [.. new Transaction().Delete("/a").Delete("/b").Parts]);

    [Fact]
    public void What_was_written_reads_back()
    {
        using var writer = new JuteWriter();
        writer.WriteBool(true);
        writer.WriteInt(-5);
        writer.WriteLong(long.MinValue);
        writer.WriteString("häß");
        writer.WriteBuffer("abc"u8);
        writer.WriteStrings(["", "/x"]);

        var reader = new JuteReader(writer.Written);

        Assert.True(reader.ReadBool());
        Assert.Equal(-5, reader.ReadInt());
        Assert.Equal(long.MinValue, reader.ReadLong());
        Assert.Equal("häß", reader.ReadString());
        Assert.Equal("abc"u8.ToArray(), reader.ReadBuffer());
        Assert.Equal(["", "/x"], reader.ReadStrings());
        Assert.Equal(0, reader.Remaining);
    }

    [Fact]
    public void Null_reads_as_empty()
    {
        var reader = new JuteReader(TestVectorTests.Hex("ffffffff ffffffff ffffffff"));

        Assert.Empty(reader.ReadBuffer());
        Assert.Equal("", reader.ReadString());
        Assert.Empty(reader.ReadStrings());
    }

    [Fact]
    public void A_string_with_surrogates_written_one_by_one_does_not_fail()
    {
        var reader = new JuteReader(TestVectorTests.Hex("00000006 eda0bdedb880"));

        Assert.NotEmpty(reader.ReadString());
    }

    [Theory]
    [InlineData("")]
    [InlineData("0000")]
    [InlineData("00000005 61")]
    [InlineData("fffffffe")]
    [InlineData("80000000")]
    [InlineData("7fffffff 6161")]
    public void A_malformed_string_is_a_protocol_error(string hex) =>
        AssertMalformed(hex, static (ref JuteReader reader) => reader.ReadString());

    [Theory]
    [InlineData("00000005 61")]
    [InlineData("fffffffe")]
    [InlineData("7fffffff 6161")]
    public void A_malformed_buffer_is_a_protocol_error(string hex) =>
        AssertMalformed(hex, static (ref JuteReader reader) => reader.ReadBuffer());

    [Theory]
    [InlineData("7fffffff 00000000")]
    [InlineData("00000002 00000000")]
    [InlineData("fffffffe")]
    [InlineData("00000001 00000009 61")]
    public void A_malformed_vector_is_a_protocol_error_before_anything_large_is_allocated(string hex) =>
        AssertMalformed(hex, static (ref JuteReader reader) => reader.ReadStrings());

    [Theory]
    [InlineData("")]
    [InlineData("0000000000000001 0000000000000001")]
    public void A_stat_cut_short_is_a_protocol_error(string hex) =>
        AssertMalformed(hex, static (ref JuteReader reader) => reader.ReadStat());

    [Theory]
    [InlineData("ffffffff01ffffffff")]
    [InlineData("00000002 00 00000000 ffffffff01ffffffff")]
    [InlineData("00000002 00 00000000 00000002 00 00000000 00000002 00 00000000 ffffffff01ffffffff")]
    [InlineData("00000063 00 00000000")]
    [InlineData("00000002 00 00000000 00000002 00 00000000")]
    [InlineData("ffffffff 00 fffffffe fffffffe ffffffff 00 fffffffe fffffffe ffffffff01ffffffff")]
    [InlineData("ffffffff 00 00000000 00000000 ffffffff 00 00000000 00000000 ffffffff01ffffffff")]
    public void A_multi_reply_that_fits_no_outcome_is_a_protocol_error(string hex) =>
        AssertMalformed(hex, static (ref JuteReader reader) => s_twoDeletions.ReadFrom(ref reader));

    [Fact]
    public void Bytes_after_the_known_fields_are_ignored()
    {
        var reader = new JuteReader(TestVectorTests.Hex("00000000 00002710 0000000000000007 00000000 00 cafe"));

        Assert.Equal(7, ConnectResponse.ReadFrom(ref reader).SessionId);
    }

    [Fact]
    public void Random_bytes_give_a_value_or_a_protocol_error_and_nothing_else()
    {
        int seed = Environment.TickCount;
        var random = new Random(seed);
        byte[] bytes = new byte[64];
        for (int i = 0; i < 20_000; i++)
        {
            random.NextBytes(bytes);
            // Small lengths are where the interesting paths are.
            bytes.AsSpan(0, 3).Clear();
            try
            {
                var reader = new JuteReader(bytes.AsSpan(0, random.Next(bytes.Length)));
                _ = (i % 3) switch
                {
                    0 => reader.ReadStrings().Length,
                    1 => s_twoDeletions.ReadFrom(ref reader).Parts.Count,
                    _ => ConnectResponse.ReadFrom(ref reader).TimeoutMs,
                };
            }
            catch (ProtocolException)
            {
                // The expected answer to nonsense.
            }
            catch (Exception e)
            {
                Assert.Fail($"seed {seed}: {e}");
            }
        }
    }

    private delegate object? Read(ref JuteReader reader);

    private static void AssertMalformed(string hex, Read read)
    {
        byte[] bytes = TestVectorTests.Hex(hex);
        Assert.Throws<ProtocolException>(() =>
        {
            var reader = new JuteReader(bytes);
            return read(ref reader);
        });
    }
}
