using System.Text;
using LockService.ZooKeeper.Protocol;
using Xunit;

namespace LockService.ZooKeeper.Tests.Protocol;

public sealed class DigestMd5Tests
{
    [Fact]
    public void Names_with_quotes_and_backslashes_are_quoted_and_the_proof_covers_them_plain()
    {
        byte[] challenge = Encoding.ASCII.GetBytes("realm=\"zk-sasl-md5\",nonce=\"a\\\"b\\\\c\",charset=utf-8,algorithm=md5-sess,qop=\"auth-int,auth\"");
        var digest = new DigestMd5(new UserPassword("a\"b\\", "pw"), challenge, "client");

        string response = Encoding.ASCII.GetString(digest.Response());

        Assert.Contains("username=\"a\\\"b\\\\\"", response, StringComparison.Ordinal);
        Assert.Contains("nonce=\"a\\\"b\\\\c\"", response, StringComparison.Ordinal);
        Assert.Contains("realm=\"zk-sasl-md5\"", response, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("nonsense")]
    [InlineData("realm=\"r\",algorithm=md5-sess")]
    [InlineData("nonce=\"n\",algorithm=md5")]
    [InlineData("nonce=\"n\",algorithm=md5-sess,qop=\"auth-conf\"")]
    public void A_challenge_for_something_else_is_refused(string challenge) => Assert.Throws<ProtocolException>(() =>
        new DigestMd5(new UserPassword("u", "p"), Encoding.ASCII.GetBytes(challenge), "client"));

    [Fact]
    public void The_id_of_a_digest_user_is_the_servers_own() =>
        Assert.Equal("bob:ikIaKsbtGweaHnb/jKn7OHqbunM=", new UserPassword("bob", "pw").DigestId);

    [Fact]
    public void An_auth_packet()
    {
        using var writer = new JuteWriter();

        new AuthMessage("digest", new UserPassword("bob", "pw").ToBytes()).WriteTo(writer);

        Assert.Equal(
            TestVectorTests.Hex("00000020 fffffffc 00000064 00000000 00000006 646967657374 00000006 626f623a7077"), writer.Written.ToArray());
    }

    [Theory]
    [InlineData("a:b", "pw")]
    [InlineData("ä", "pw")]
    [InlineData("a", "ö")]
    [InlineData("", "pw")]
    [InlineData("a", "")]
    public void Names_and_passwords_that_servers_would_take_for_others_are_refused(string user, string password) =>
        Assert.Throws<ArgumentException>(() => new UserPassword(user, password));
}
