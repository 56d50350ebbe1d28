using System.Collections.Immutable;
using LockService.Testing.Histories;
using Xunit;

namespace LockService.Api.Tests.Histories;

public sealed class FencedStoreTests
{
    [Fact]
    public void A_fence_keeps_out_who_comes_too_late()
    {
        var store = new FencedStore(fenced: true);
        Assert.False(LateWrite(store));
        Assert.Empty(store.Violations());
        Assert.Null(store.Read(1));
        Assert.Equal(1, store.Acknowledged);
    }

    [Fact]
    public void Without_the_fence_what_was_lost_is_found()
    {
        var store = new FencedStore(fenced: false);
        Assert.True(LateWrite(store));
        Assert.Single(store.Violations());
    }

    [Fact]
    public void A_wrong_order_is_found()
    {
        var store = new FencedStore(fenced: false);
        store.Write(2, []);
        store.Write(1, store.Read(1)!);
        Assert.Single(store.Violations());
    }

    private static bool LateWrite(FencedStore store)
    {
        ImmutableList<long> early = store.Read(1)!;
        Assert.True(store.Write(2, store.Read(2)!));
        return store.Write(1, early);
    }
}
