using System.Net;
using System.Net.Sockets;
using LockService.ZooKeeper.Transport;
using Xunit;

namespace LockService.ZooKeeper.Tests.Transport;

public sealed class ServerListTests
{
    private static readonly IPAddress s_one = IPAddress.Parse("10.0.0.1");
    private static readonly IPAddress s_two = IPAddress.Parse("10.0.0.2");

    [Fact]
    public void All_addresses_of_a_name_come_before_the_next_name_and_the_last_ends_the_round()
    {
        ServerList servers = Servers("a:1,b:2", _ => [s_one, s_two]);

        (ServerAddress Server, bool Ended)[] round = [Next(servers), Next(servers), Next(servers), Next(servers)];

        Assert.Equal(["a", "b"], round.Select(next => next.Server.Host).Distinct().Order());
        Assert.Equal(round[0].Server.Host, round[1].Server.Host);
        Assert.Equal([s_one, s_two, s_one, s_two], round.Select(next => next.Server.EndPoint.Address));
        Assert.Equal([false, false, false, true], round.Select(next => next.Ended));
    }

    [Fact]
    public void A_new_list_counts_from_the_next_address()
    {
        ServerList servers = Servers("a:1,b:2", _ => [s_one, s_two]);
        Next(servers);

        servers.Replace(ConnectString.Parse("c:3").Servers);

        Assert.Equal(["c", "c", "c"], [Next(servers).Server.Host, Next(servers).Server.Host, Next(servers).Server.Host]);
        Assert.Equal(1, servers.Count);
    }

    [Fact]
    public void A_name_is_resolved_anew_each_time()
    {
        var answers = new Queue<IPAddress>([s_one, s_two]);
        ServerList servers = Servers("a:1", _ => [answers.Dequeue()]);

        Assert.Equal(s_one, Next(servers).Server.EndPoint.Address);
        Assert.Equal(s_two, Next(servers).Server.EndPoint.Address);
    }

    [Fact]
    public void A_name_service_that_fails_is_replaced_by_its_last_answer()
    {
        bool fails = false;
        ServerList servers = Servers("a:1", _ => fails ? throw new SocketException((int)SocketError.TryAgain) : [s_one]);
        Next(servers);

        fails = true;

        Assert.Equal(s_one, Next(servers).Server.EndPoint.Address);
    }

    [Fact]
    public void A_name_service_that_does_not_answer_is_not_waited_for()
    {
        using var release = new ManualResetEventSlim();
        bool hangs = false;
        ServerList servers = Servers("a:1", _ =>
        {
            if (hangs)
            {
                release.Wait();
            }

            return [s_one];
        });
        Next(servers);

        hangs = true;

        Assert.Equal(s_one, Next(servers).Server.EndPoint.Address);
        SocketException failure = Assert.Throws<SocketException>(() => Next(Servers("b:1", _ =>
        {
            release.Wait();
            return [];
        })));
        Assert.Equal(SocketError.TimedOut, failure.SocketErrorCode);
        release.Set();
    }

    [Fact]
    public void A_name_without_addresses_is_a_failure_like_others()
    {
        ServerList servers = Servers("a:1", _ => throw new SocketException((int)SocketError.HostNotFound));

        SocketException failure = Assert.Throws<SocketException>(() => Next(servers));

        Assert.Equal(SocketError.HostNotFound, failure.SocketErrorCode);
    }

    private static ServerList Servers(string text, Func<string, IPAddress[]> system) =>
        new(ConnectString.Parse(text).Servers, new NameResolver(system, TimeSpan.FromMilliseconds(200)));

    private static (ServerAddress Server, bool Ended) Next(ServerList servers)
    {
        ServerAddress next = servers.Next(out bool ended);
        return (next, ended);
    }
}
