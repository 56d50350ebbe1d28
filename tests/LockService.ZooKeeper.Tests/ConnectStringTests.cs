using Xunit;

namespace LockService.ZooKeeper.Tests;

public sealed class ConnectStringTests
{
    [Theory]
    [InlineData("a", "a:2181", "")]
    [InlineData("a:1", "a:1", "")]
    [InlineData("a:1/", "a:1", "")]
    [InlineData("a:1, b:2 ,c", "a:1,b:2,c:2181", "")]
    [InlineData("a:1,b/x/y", "a:1,b:2181", "/x/y")]
    [InlineData("[::1]:5", "[::1]:5", "")]
    [InlineData("[::1]/x", "[::1]:2181", "/x")]
    public void A_connect_string_has_servers_and_perhaps_a_chroot(string text, string servers, string chroot)
    {
        ConnectString parsed = ConnectString.Parse(text);

        Assert.Equal(servers, string.Join(',', parsed.Servers));
        Assert.Equal(chroot, parsed.Chroot);
        Assert.Equal(servers + chroot, parsed.ToString());
    }

    [Theory]
    [InlineData("")]
    [InlineData("/x")]
    [InlineData(",")]
    [InlineData(":2181")]
    [InlineData("a:")]
    [InlineData("a:0")]
    [InlineData("a:65536")]
    [InlineData("a:-1")]
    [InlineData("a:x")]
    [InlineData("::1")]
    [InlineData("[::1")]
    [InlineData("[::1]x")]
    [InlineData("[]:1")]
    [InlineData("a/x/")]
    [InlineData("a/x//y")]
    public void A_text_that_is_none_is_refused(string text) => Assert.Throws<FormatException>(() => ConnectString.Parse(text));

    [Fact]
    public void A_host_longer_than_any_name_can_be_is_refused() =>
        Assert.Throws<FormatException>(() => ConnectString.Parse(new string('a', 256)));
}
