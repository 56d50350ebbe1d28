using Xunit;

namespace LockService.Contracts.Tests;

public sealed class RequestCheckTests
{
    [Fact]
    public void All_errors_of_a_request_are_told()
    {
        var errors = new RequestErrors();

        new AcquireRequest { TtlMs = 1, WaitMs = -1, Owner = "", Metadata = new Dictionary<string, string> { ["a"] = new('x', 5000) } }.Check(errors);

        Assert.Equal(["metadata", "owner", "ttlMs", "waitMs"], errors.ByMember.Keys);
    }

    [Fact]
    public void Metadata_may_have_exactly_4_KiB()
    {
        var errors = new RequestErrors();

        // {"a":"..."} has 8 bytes around the value.
        new AcquireRequest { Metadata = new Dictionary<string, string> { ["a"] = new('x', 4096 - 8) } }.Check(errors);

        Assert.True(errors.None);
    }

    [Fact]
    public void A_size_counts_as_such_only_if_nothing_else_is_wrong()
    {
        var size = new RequestErrors();
        var both = new RequestErrors();
        JsonText large = new(new byte[NewMessage.MaxBodyBytes + 1]);

        new EnqueueRequest { Body = large }.Check(size);
        new EnqueueRequest { Messages = [new NewMessage { Body = large }, new NewMessage()] }.Check(both);

        Assert.True(size.OnlyTooLarge);
        Assert.False(both.OnlyTooLarge);
    }

    [Theory]
    [InlineData(512, true)]
    [InlineData(513, false)]
    public void A_lease_id_has_at_most_512_characters(int length, bool valid)
    {
        var errors = new RequestErrors();

        new ReleaseRequest { LeaseId = new('x', length) }.Check(errors);

        Assert.Equal(valid, errors.None);
    }
}
