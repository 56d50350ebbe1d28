using LockService.ZooKeeper.Protocol;
using Xunit;

namespace LockService.ZooKeeper.Tests.Protocol;

public sealed class XidTests
{
    [Fact]
    public void P1_The_number_after_the_last_one_is_1_and_never_one_with_a_meaning() => Assert.Equal(1, Xid.After(int.MaxValue));

    [Fact]
    public void Numbers_rise_by_one() => Assert.Equal(8, Xid.After(7));
}
