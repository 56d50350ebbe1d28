using LockService.Recipes.Locking;
using LockService.Recipes.Sessions;
using LockService.ZooKeeper;
using Xunit;

namespace LockService.Recipes.Tests;

public sealed class ContenderTests
{
    private const string Guid = "0f8fad5b-d9cb-469f-a165-70867728950e";

    [Theory]
    [InlineData($"_c_{Guid}-__WRIT__0000000007", LockMode.Exclusive, 7)]
    [InlineData($"_c_{Guid}-__READ__0000000008", LockMode.Shared, 8)]
    [InlineData("0f8fad5bd9cb469fa16570867728950e__lock__0000000012", LockMode.Exclusive, 12)]
    [InlineData("0f8fad5bd9cb469fa16570867728950e__rlock__0000000013", LockMode.Shared, 13)]
    [InlineData("lock-2147483647", LockMode.Exclusive, int.MaxValue)]
    public void Every_name_that_ends_in_a_number_is_a_contender(string name, LockMode mode, int sequence)
    {
        ContenderName contender = ContenderName.Parse(name)!;

        Assert.Equal((mode, sequence, false), (contender.Mode, contender.Sequence, contender.IsHolder));
    }

    [Fact]
    public void A2_a_number_that_has_wrapped_is_read_with_its_sign() =>
        Assert.Equal(int.MinValue, ContenderName.Parse($"_c_{Guid}-__WRIT__-2147483648")!.Sequence);

    [Theory]
    [InlineData("")]
    [InlineData("queue")]
    [InlineData("lock-123")]
    [InlineData("lock-00000000x1")]
    public void Other_names_are_no_contenders(string name) => Assert.Null(ContenderName.Parse(name));

    [Fact]
    public void Whoever_was_overtaken_waits_for_who_has_the_lock()
    {
        ContenderName overtaken = New(LockMode.Exclusive, holder: false, 3);
        ContenderName reader = New(LockMode.Shared, holder: false, 4);
        ContenderName holder = New(LockMode.Exclusive, holder: true, 5);
        ContenderName later = New(LockMode.Exclusive, holder: false, 6);

        Assert.True(overtaken.IsBlockedBy(holder));
        Assert.True(reader.IsBlockedBy(holder));
        Assert.False(overtaken.IsBlockedBy(later));
        Assert.False(reader.IsBlockedBy(New(LockMode.Shared, holder: true, 5)));
        Assert.False(New(LockMode.Exclusive, holder: true, 4).IsBlockedBy(holder));

        static ContenderName New(LockMode mode, bool holder, int number) =>
            ContenderName.Parse(ContenderName.WithSequence(ContenderName.NewPrefix(mode, holder), number))!;
    }

    [Theory]
    [InlineData(LockMode.Exclusive)]
    [InlineData(LockMode.Shared)]
    public void A_holder_is_known_by_its_name_and_its_lease_id_leads_to_it(LockMode mode)
    {
        ContenderName holder = ContenderName.Parse(ContenderName.WithSequence(ContenderName.NewPrefix(mode, holder: true), 42))!;
        ContenderName waiter = ContenderName.Parse(ContenderName.WithSequence(ContenderName.NewPrefix(mode, holder: false), 42))!;

        Assert.True(holder.IsHolder);
        Assert.False(waiter.IsHolder);
        string leaseId = LeaseId.Of("a.name", holder);
        Assert.Equal(holder.Name, LeaseId.HolderName("a.name", leaseId));
        Assert.Null(LeaseId.HolderName("another", leaseId));
        Assert.Null(LeaseId.HolderName("a.name", LeaseId.Of("a.name", waiter)));
    }

    [Theory]
    [InlineData("")]
    [InlineData(".")]
    [InlineData("not a lease id at all")]
    [InlineData("????????????????????????????.a")]
    [InlineData("AAAAAAAAAAAAAAAAAAAAAAAAAAAA.a")]
    [InlineData("//////////////////////////8A.a")]
    public void A_text_that_is_no_lease_id_leads_nowhere(string text) => Assert.Null(LeaseId.HolderName("a", text));

    [Fact]
    public void A_reader_is_blocked_by_the_nearest_writer_before_it_and_a_writer_by_anybody()
    {
        Contenders seen = Listing(("READ", 1), ("WRIT", 2), ("READ", 3), ("READ", 4), ("WRIT", 5));

        Assert.Null(BlockerOf(seen, 1));
        Assert.Equal(1, BlockerOf(seen, 2));
        Assert.Equal(2, BlockerOf(seen, 3));
        Assert.Equal(2, BlockerOf(seen, 4));
        Assert.Equal(4, BlockerOf(seen, 5));
    }

    [Fact]
    public void Numbers_are_compared_as_numbers()
    {
        Contenders seen = Listing(("WRIT", 10), ("WRIT", 9));

        Assert.Equal(9, BlockerOf(seen, 10));
        Assert.Null(BlockerOf(seen, 9));
    }

    [Fact]
    public void A_newer_listing_replaces_an_older_one_but_for_those_who_came_after_its_last()
    {
        Contenders newer = Listing(20, ("WRIT", 5), ("WRIT", 7));
        Contenders older = Listing(10, ("WRIT", 3), ("WRIT", 5), ("WRIT", 6), ("WRIT", 9));

        Assert.Equal([5, 7, 9], newer.MergedWith(older).InOrder.Select(c => c.Sequence));
        Assert.Equal([5, 7, 9], older.MergedWith(newer).InOrder.Select(c => c.Sequence));
    }

    [Fact]
    public void Whoever_has_left_does_not_come_back_with_an_older_listing()
    {
        Contenders seen = Listing(10, ("WRIT", 5), ("WRIT", 6));
        ContenderName holder = seen.InOrder[0];
        ContenderName waiter = seen.InOrder[1];
        ContenderName promoted = ContenderName.Parse(ContenderName.WithSequence(ContenderName.NewPrefix(LockMode.Exclusive, holder: true), 6))!;

        Contenders after = seen.After(holder.Name, new Dictionary<string, ContenderName> { [waiter.Name] = promoted }, zxid: 12);

        Assert.Equal([promoted], after.InOrder);
        Assert.Equal([promoted], after.MergedWith(seen).InOrder);
    }

    [Fact]
    public async Task A1_a_listing_that_does_not_know_a_place_says_nothing_about_who_is_before_it()
    {
        await using var session = new ZooKeeperClient(new ZooKeeperOptions { Servers = ConnectString.Parse("127.0.0.1:1") });
        ContenderName own = ContenderName.Parse(ContenderName.WithSequence(ContenderName.NewPrefix(LockMode.Exclusive, holder: false), 6))!;
        var place = new Place(own, session, new AcquireOptions { Owner = "me" }, mayBeHandedOver: true);
        var line = new LockLine();
        line.Add(place);

        Assert.False(line.TakeIn(place, Contenders.None));

        Turn turn = line.NextTurn(place);
        Assert.False(turn.MayPromote);
        Assert.True(turn.Changed.IsCompleted, "the place looks again at once");
    }

    [Fact]
    public async Task Whoever_only_reckons_that_nobody_is_before_him_any_more_has_to_look_before_it_is_his_turn()
    {
        await using var session = new ZooKeeperClient(new ZooKeeperOptions { Servers = ConnectString.Parse("127.0.0.1:1") });
        Contenders listed = Listing(10, ("READ", 4), ("WRIT", 6));
        var place = new Place(listed.InOrder[1], session, new AcquireOptions { Owner = "me" }, mayBeHandedOver: false);
        var line = new LockLine();
        line.Add(place);
        line.TakeIn(place, listed);
        Assert.Equal(4, line.NextTurn(place).Blocker?.Sequence);

        line.Grant([], released: listed.InOrder[0].Name, zxid: 20);
        Turn reckoned = line.NextTurn(place);
        line.TakeIn(place, Listing(20, ("READ", 5), ("WRIT", 6)));
        Turn seen = line.NextTurn(place);
        line.TakeIn(place, Listing(30, ("WRIT", 6)));

        Assert.Equal((false, null), (reckoned.MayPromote, reckoned.Blocker));
        Assert.True(reckoned.Changed.IsCompleted, "the place looks again at once");
        Assert.Equal((false, 5), (seen.MayPromote, seen.Blocker?.Sequence));
        Assert.True(line.NextTurn(place).MayPromote);
    }

    [Fact]
    public void Nobody_is_handed_a_lock_that_a_third_one_blocks()
    {
        Contenders seen = Listing(("READ", 1), ("READ", 2), ("WRIT", 3), ("READ", 4));
        ContenderName[] all = [.. seen.InOrder];

        Assert.False(seen.IsBlockedOnlyBy(all[2], all[0].Name));
        Assert.False(seen.IsBlockedOnlyBy(all[2], all[1].Name));
        Assert.True(seen.IsBlockedOnlyBy(all[3], all[2].Name));
        Assert.False(seen.IsBlockedOnlyBy(all[0], all[1].Name));
        Assert.True(seen.Without(all[0]).IsBlockedOnlyBy(all[2], all[1].Name));
    }

    private static int? BlockerOf(Contenders seen, int sequence) => seen.BlockerOf(seen.InOrder.Single(c => c.Sequence == sequence))?.Sequence;

    private static Contenders Listing(params (string Tag, int Sequence)[] contenders) => Listing(0, contenders);

    private static Contenders Listing(long zxid, params (string Tag, int Sequence)[] contenders) =>
        new(new DirectoryListing(
            [.. contenders.Select(c => $"_c_{new System.Guid(c.Sequence, 0, 0, [0, 0, 0, 0, 0, 0, 0, 0])}-__{c.Tag}__{c.Sequence:D10}")],
            new NodeData(default, default(Stat) with { ChildrenZxid = zxid })));
}
