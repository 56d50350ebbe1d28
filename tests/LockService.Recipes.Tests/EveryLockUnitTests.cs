using LockService.Recipes.Locking;
using LockService.Testing;
using LockService.ZooKeeper;
using Xunit;

namespace LockService.Recipes.Tests;

/// <summary>
/// Every kind of change of a lock under every kind of loss: whatever is lost, it is held by whom the answers say, by one at most, under the
/// token of the transaction that made the holder, and no waiter stays.
/// </summary>
[Collection("zookeeper")]
public sealed class EveryLockUnitTests(ZooKeeperFixture zookeeper)
{
    private const string Directory = "/lockservice/locks/l";
    private const string Unavailable = "unavailable";

    private static readonly CancellationToken s_never = CancellationToken.None;
    private static readonly AcquireOptions s_try = new() { Owner = "me", Ttl = TimeSpan.FromMinutes(10) };

    public enum Change
    {
        /// <summary>Of a lock that never was: its directory is made.</summary>
        FirstAcquire,

        /// <summary>Of a lock that was released here: its directory is replaced.</summary>
        Acquire,
        KeyedAcquire,

        /// <summary>A waiter whose predecessor has gone.</summary>
        Promotion,
        KeyedPromotion,
        Renewal,
        KeyedRenewal,
        Release,
        KeyedRelease,

        /// <summary>A release with a waiter in the same instance.</summary>
        HandOver,
        KeyedHandOver,
    }

    public static TheoryData<Change> All => [.. Enum.GetValues<Change>()];

    [Theory]
    [MemberData(nameof(All))]
    public Task Its_effect_is_there_exactly_once(Change change) => Losses.OfEveryKindAsync(async (loss, markerVersions) =>
    {
        await using TestInstance instance = await TestInstance.StartAsync(zookeeper, markerVersions: markerVersions);
        await HappensOnceAsync(instance, change, loss, () => Losses.Arrange(instance, loss));
    });

    /// <summary>Both what was done and what was not, when the session goes on with another server. The places in the queue go along.</summary>
    [Fact]
    public Task Its_effect_is_there_exactly_once_after_the_session_moved() => Losses.OfAMovedSessionAsync<Change>(HappensOnceAsync);

    [Theory]
    [MemberData(nameof(All))]
    public Task Of_two_instances_on_one_lock_each_has_its_effect_exactly_once(Change change) => Losses.OfEveryKindAsync(async (loss, markerVersions) =>
    {
        await using TestInstance one = await TestInstance.StartAsync(zookeeper, markerVersions: markerVersions);
        await using TestInstance two = await TestInstance.StartAsync(zookeeper, one.Chroot);
        Scene scene = await PrepareAsync(one, change);
        await two.CommitAsync(new Commit.CommitUnit("/").Check("/", -1));
        // A waiter there stands behind the one here.
        Task<string>? behind = change is Change.Promotion or Change.KeyedPromotion ? await WaitAsync(two, change, "behind") : null;
        Func<Task?, Task> lose = Losses.Arrange(one, loss);

        Task<string> first = CallAsync(one, change, scene);
        Task<string> second = behind is null ? CallAsync(two, change, scene) : first;
        await lose(first);
        string[] answers = await Eventually.CompletesAsync("the calls are answered", Task.WhenAll(first, second));
        string? waiter = scene.Waiter is null ? null : await Eventually.CompletesAsync("the waiter is answered", scene.Waiter);

        AssertTwoAnswers(change, scene, answers);
        if (waiter is not null)
        {
            Assert.True(IsGrant(waiter) || (waiter == Unavailable && loss.EndsSession()), waiter);
        }

        if (behind is not null)
        {
            await AssertNextIsServedAsync(two, answers[0], behind);
            return;
        }

        await AssertHeldAsync(one, [.. answers, waiter]);
        await AssertRenewedAsync(one, change, times: 2);
    });

    private static async Task HappensOnceAsync(TestInstance instance, Change change, Loss loss, Func<Func<Task?, Task>> arrange)
    {
        Scene scene = await PrepareAsync(instance, change);
        Func<Task?, Task> lose = arrange();

        Task<string> call = CallAsync(instance, change, scene);
        await lose(null);
        string answer = await Eventually.CompletesAsync("the call is answered", call);
        string? waiter = scene.Waiter is null ? null : await Eventually.CompletesAsync("the waiter is answered", scene.Waiter);

        await instance.Direct.SyncAsync("/");
        // A waiter's node ends with its session. Whoever was not granted before is told so, and may ask again.
        bool placeIsLost = loss == Loss.RequestAndSession;
        switch (change)
        {
            case Change.Promotion or Change.KeyedPromotion:
                Assert.Equal(placeIsLost, answer == Unavailable);
                break;
            case Change.HandOver or Change.KeyedHandOver:
                Assert.Equal("released", answer);
                Assert.Equal(placeIsLost, waiter == Unavailable);
                break;
            case Change.Release or Change.KeyedRelease:
                Assert.Equal("released", answer);
                break;
            default:
                Assert.True(IsGrant(answer), answer);
                break;
        }

        await AssertHeldAsync(instance, [answer, waiter]);
        await AssertRenewedAsync(instance, change, times: 1);
        if (IsKeyed(change))
        {
            await AssertRepeatedAsync(instance, change, scene, answer);
        }
    }

    /// <summary>What must be there for the change to be possible: the loss shall strike the change itself.</summary>
    private static async Task<Scene> PrepareAsync(TestInstance instance, Change change)
    {
        await Instances.GrantedAsync(instance.Locks.AcquireAsync("other", s_try, s_never));
        if (change == Change.FirstAcquire)
        {
            return new Scene(null, null);
        }

        LockGrant held = await Instances.GrantedAsync(instance.Locks.AcquireAsync("l", s_try, s_never));
        var scene = new Scene(held, null);
        switch (change)
        {
            case Change.Acquire or Change.KeyedAcquire:
                await instance.Locks.ReleaseAsync("l", held.LeaseId);
                return scene;
            case Change.Promotion or Change.KeyedPromotion:
                return scene with { Promoted = await WaitAsync(instance, change, "k") };
            case Change.HandOver or Change.KeyedHandOver:
                return scene with { Waiter = await WaitAsync(instance, change, "k") };
            default:
                return scene;
        }
    }

    /// <summary>Enters the queue, and returns when the waiter has seen who is before it.</summary>
    private static async Task<Task<string>> WaitAsync(TestInstance instance, Change change, string key)
    {
        int before = Reads();
        bool keyed = change == Change.KeyedPromotion;
        AcquireOptions options = s_try with { Wait = TimeSpan.FromMinutes(5), Key = keyed ? Key(key) : null };
        Task<string> waiter = GrantAsync(instance.Locks.AcquireAsync("l", options, s_never));
        // The record of a key is looked for first.
        await Eventually.TrueAsync("the waiter watches", () => Reads() - before == (keyed ? 2 : 1));
        return waiter;

        int Reads() => instance.Proxy.Requests.Count(request => request.Kind == RequestKind.GetData);
    }

    private static async Task<string> CallAsync(TestInstance instance, Change change, Scene scene)
    {
        KeyedRequest key = Key("k");
        switch (change)
        {
            case Change.FirstAcquire or Change.Acquire:
                return await GrantAsync(instance.Locks.AcquireAsync("l", s_try, s_never));
            case Change.KeyedAcquire:
                return await GrantAsync(instance.Locks.AcquireAsync("l", s_try with { Key = key }, s_never));
            case Change.Promotion or Change.KeyedPromotion:
                // As if it had been released, or had run out, elsewhere.
                await instance.Direct.DeleteAsync($"{Directory}/{LeaseId.HolderName("l", scene.Held!.LeaseId)}");
                return await scene.Promoted!;
            case Change.Renewal:
                return Shown(await instance.Locks.RenewAsync("l", scene.Held!.LeaseId, null, s_never));
            case Change.KeyedRenewal:
                return Shown(await instance.Locks.RenewAsync("l", scene.Held!.LeaseId, null, key, s_never));
            case Change.KeyedRelease or Change.KeyedHandOver:
                return await instance.Locks.ReleaseAsync("l", scene.Held!.LeaseId, key) ? "released" : "lost";
            default:
                return await instance.Locks.ReleaseAsync("l", scene.Held!.LeaseId) ? "released" : "lost";
        }
    }

    private static void AssertTwoAnswers(Change change, Scene scene, string[] answers)
    {
        switch (change)
        {
            case Change.FirstAcquire or Change.Acquire:
                Assert.Single(answers, IsGrant);
                Assert.Single(answers, "held");
                break;
            case Change.KeyedAcquire:
                Assert.True(IsGrant(answers[0]), answers[0]);
                Assert.Equal(answers[0], answers[1]);
                break;
            case Change.Renewal or Change.KeyedRenewal:
                Assert.All(answers, answer => Assert.Equal(Shown(scene.Held), answer));
                break;
            case Change.Release or Change.HandOver:
                Assert.Equal(["lost", "released"], answers.Order());
                break;
            case Change.KeyedRelease or Change.KeyedHandOver:
                Assert.All(answers, answer => Assert.Equal("released", answer));
                break;
            default:
                Assert.True(IsGrant(answers[0]) || answers[0] == Unavailable, answers[0]);
                break;
        }
    }

    /// <summary>The store agrees with the answers: who was granted the lock holds it, with nobody else, and nobody waits.</summary>
    private static async Task AssertHeldAsync(TestInstance instance, string?[] answers)
    {
        // What is left of a place that was lost is deleted in the background.
        await Eventually.TrueAsync("nobody waits", async () => (await ContendersAsync(instance)).All(contender => contender.IsHolder));
        var holders = new List<string>();
        foreach (ContenderName contender in await ContendersAsync(instance))
        {
            Stat holder = (await instance.Direct.ExistsAsync($"{Directory}/{contender.Name}"))!.Value;
            Assert.Equal(0, holder.EphemeralOwner);
            holders.Add($"{LeaseId.Of("l", contender)} {holder.CreatedZxid}");
        }

        Assert.True(holders.Count <= 1, "There is more than one holder.");
        Assert.Equal(answers.Where(answer => answer is not null && IsGrant(answer)).Distinct(), holders);
        LockState state = await instance.Locks.GetAsync("l", s_never);
        Assert.Equal(holders.Count, state.Holders.Count);
        Assert.Equal(0, state.QueueLength);
    }

    /// <summary>Each of the renewals was written once, and nothing else.</summary>
    private static async Task AssertRenewedAsync(TestInstance instance, Change change, int times)
    {
        if (change is Change.Renewal or Change.KeyedRenewal)
        {
            ContenderName holder = Assert.Single(await ContendersAsync(instance));
            Assert.Equal(times, (await instance.Direct.ExistsAsync($"{Directory}/{holder.Name}"))!.Value.Version);
        }
    }

    /// <summary>Whoever asks again is told the same; who was told that nothing was done is served now.</summary>
    private static async Task AssertRepeatedAsync(TestInstance instance, Change change, Scene scene, string answer)
    {
        Change verb = change == Change.KeyedPromotion ? Change.KeyedAcquire : change;
        string again = await Eventually.CompletesAsync("the repetition is answered", CallAsync(instance, verb, scene));
        if (answer == Unavailable)
        {
            Assert.True(IsGrant(again), again);
            await AssertHeldAsync(instance, [again]);
        }
        else
        {
            Assert.Equal(answer, again);
        }
    }

    /// <summary>The waiter behind gets the lock when it is its turn, under a higher token.</summary>
    private static async Task AssertNextIsServedAsync(TestInstance two, string first, Task<string> behind)
    {
        if (IsGrant(first))
        {
            Assert.False(behind.IsCompleted);
            Assert.True(await two.Locks.ReleaseAsync("l", first.Split(' ')[0]));
        }

        string next = await Eventually.CompletesAsync("the next one is served", behind);
        Assert.True(IsGrant(next), next);
        Assert.True(!IsGrant(first) || TokenOf(next) > TokenOf(first));
        await AssertHeldAsync(two, [next]);
    }

    private static async Task<IReadOnlyList<ContenderName>> ContendersAsync(TestInstance instance) =>
        [.. ((await instance.Direct.GetChildrenAsync(Directory))?.Names ?? []).Select(name => ContenderName.Parse(name)!)];

    private static async Task<string> GrantAsync(Task<AcquireResult> acquiring)
    {
        try
        {
            return await acquiring is AcquireResult.Granted { Grant: { } grant } ? Shown(grant) : "held";
        }
        catch (StoreUnavailableException)
        {
            return Unavailable;
        }
    }

    private static string Shown(LockGrant? grant) => grant is null ? "lost" : $"{grant.LeaseId} {grant.FencingToken}";

    private static bool IsGrant(string answer) => answer.Contains(".l ", StringComparison.Ordinal);

    private static long TokenOf(string grant) => long.Parse(grant.Split(' ')[1], System.Globalization.CultureInfo.InvariantCulture);

    private static bool IsKeyed(Change change) => change.ToString().StartsWith("Keyed", StringComparison.Ordinal);

    private static KeyedRequest Key(string key) => KeyedCallsTests.Request(key, scope: "of this test");

    /// <summary>Where a change begins.</summary>
    /// <param name="Held">The lease that was granted before.</param>
    /// <param name="Waiter">Who waits for a release.</param>
    private sealed record Scene(LockGrant? Held, Task<string>? Waiter)
    {
        /// <summary>Who waits for his own promotion.</summary>
        internal Task<string>? Promoted { get; init; }
    }
}
