using LockService.Testing;
using Xunit;

namespace LockService.ZooKeeper.Tests;

[Collection(SharedZooKeeper.Name)]
public sealed class AccessTests(ZooKeeperFixture zookeeper)
{
    private static readonly Acl[] s_readers =
        [new Acl(Permissions.Read | Permissions.Admin, "world", "anyone"), new Acl(Permissions.All, "digest", "bob:ikIaKsbtGweaHnb/jKn7OHqbunM=")];

    [Fact]
    public async Task A_list_that_was_set_reads_back_with_its_version_and_binds()
    {
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync());
        await client.CreateAsync("/n");

        Stat set = await client.SetAclAsync("/n", s_readers, 0);

        NodeAcl? read = await client.GetAclAsync("/n");
        Assert.Equal(s_readers, read?.Entries);
        Assert.Equal(set, read?.Stat);
        Assert.Equal(1, set.AclVersion);
        Assert.Equal(0, set.Version);
        await Refused.WithAsync(ErrorCode.NoAuth, "/n", client.SetDataAsync("/n", default, -1));
    }

    [Fact]
    public async Task A_new_node_is_open_to_everybody()
    {
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync());
        await client.CreateAsync("/n");

        Assert.Equal(Acl.Open, (await client.GetAclAsync("/n"))?.Entries);
    }

    [Fact]
    public async Task The_hash_of_somebodys_password_is_hidden_from_readers()
    {
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync());
        await client.CreateAsync("/n", acl: [new Acl(Permissions.Read, "world", "anyone"), s_readers[1]]);

        Assert.Equal("bob:x", (await client.GetAclAsync("/n"))?.Entries[1].Id);
    }

    [Fact]
    public async Task A_list_is_refused_for_its_node_its_version_its_content_and_its_author()
    {
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync());
        await client.CreateAsync("/n");
        await client.CreateAsync("/closed", acl: [new Acl(Permissions.Create, "world", "anyone")]);

        Assert.Null(await client.GetAclAsync("/no"));
        await Refused.WithAsync(ErrorCode.NoNode, "/no", client.SetAclAsync("/no", s_readers, -1));
        await Refused.WithAsync(ErrorCode.BadVersion, "/n", client.SetAclAsync("/n", s_readers, 1));
        await Refused.WithAsync(ErrorCode.InvalidAcl, "/n", client.SetAclAsync("/n", [], -1));
        await Refused.WithAsync(ErrorCode.InvalidAcl, "/n", client.SetAclAsync("/n", [new Acl(Permissions.All, "nonsense", "x")], -1));
        await Refused.WithAsync(ErrorCode.InvalidAcl, "/n", client.SetAclAsync("/n", [new Acl(Permissions.All, "auth", "")], -1));
        await Refused.WithAsync(ErrorCode.NoAuth, "/closed", client.GetAclAsync("/closed"));
        await Refused.WithAsync(ErrorCode.NoAuth, "/closed", client.SetAclAsync("/closed", s_readers, -1));
        await Refused.WithAsync(ErrorCode.NoAuth, "/closed", client.GetDataAsync("/closed"));
        await Refused.WithAsync(ErrorCode.NoAuth, "/closed", client.GetChildrenAsync("/closed"));
        await Refused.WithAsync(ErrorCode.NoAuth, "/closed", client.CountDescendantsAsync("/closed"));
        await Assert.ThrowsAsync<ArgumentNullException>(() => client.SetAclAsync("/n", [null!], -1));
    }

    [Fact]
    public async Task A_connection_without_credentials_is_known_by_its_address()
    {
        await using var client = new ZooKeeperClient(await zookeeper.NewOptionsAsync());

        Assert.Equal([new ClientIdentity("ip", "127.0.0.1")], await client.WhoAmIAsync());
    }
}
