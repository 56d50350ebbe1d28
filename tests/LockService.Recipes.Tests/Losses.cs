using LockService.Recipes.Commit;
using LockService.Testing;
using LockService.ZooKeeper;
using Xunit.Sdk;

namespace LockService.Recipes.Tests;

/// <summary>What can become of a transaction on its way.</summary>
public enum Loss
{
    /// <summary>It is applied; its answer is lost with the connection.</summary>
    Reply,

    /// <summary>It reaches nobody.</summary>
    Request,

    /// <summary>It is applied; the connection breaks in the middle of the answer.</summary>
    HalfTheReply,

    /// <summary>It is applied; the session ends before anybody has heard of it.</summary>
    ReplyAndSession,

    /// <summary>It reaches nobody, and the session ends.</summary>
    RequestAndSession,
}

/// <summary>Losses for tests of every change.</summary>
internal static class Losses
{
    /// <summary>
    /// Runs a test under every loss, on a marker that gives way to the next one at that moment, and on one that does not; all at the same
    /// time, since each of them mostly waits for a new connection.
    /// </summary>
    /// <param name="test">Is given the loss, and how often a marker is changed.</param>
    internal static Task OfEveryKindAsync(Func<Loss, int, Task> test) => Task.WhenAll(
        from loss in Enum.GetValues<Loss>()
        from markerVersions in (int[])[1, LaneMarker.MaxVersion]
        select NamedAsync($"{loss} lost, {(markerVersions == 1 ? "the marker rotates" : "the marker stays")}", () => test(loss, markerVersions)));

    /// <summary>Runs a test of every change, of what was applied and of what was not, on sessions that go on with another server of an ensemble.</summary>
    /// <param name="test">Is given an instance, the change, the loss, and what sets the loss up.</param>
    internal static async Task OfAMovedSessionAsync<TChange>(Func<TestInstance, TChange, Loss, Func<Func<Task?, Task>>, Task> test)
        where TChange : struct, Enum
    {
        await using ZooKeeperEnsemble ensemble = await ZooKeeperEnsemble.StartNewAsync();
        await using var root = new ZooKeeperClient(new ZooKeeperOptions { Servers = ConnectString.Parse(ensemble.ConnectString) });
        (TChange Change, Loss Loss)[] all =
            [.. from change in Enum.GetValues<TChange>() from loss in (Loss[])[Loss.Reply, Loss.Request] select (change, loss)];
        await Task.WhenAll(all.Select((one, turn) => NamedAsync($"{one.Change}, {one.Loss} lost", async () =>
        {
            await root.CreateAsync($"/test-{turn}");
            await using TestInstance instance = await TestInstance.StartAsync(ensemble.Servers[turn % 3], $"/test-{turn}");
            await test(instance, one.Change, one.Loss, () =>
            {
                Func<Task?, Task> lose = Arrange(instance, one.Loss);
                instance.Proxy.Refuse();
                return async call =>
                {
                    await lose(call);
                    instance.Proxy.Retarget(ensemble.Servers[(turn + 1) % 3].Port);
                    instance.Proxy.Admit();
                };
            });
        })));
    }

    /// <summary>A failure says under which circumstances.</summary>
    private static async Task NamedAsync(string circumstances, Func<Task> test)
    {
        try
        {
            await test();
        }
        catch (Exception e)
        {
            throw new XunitException($"{circumstances}: {e.Message}", e);
        }
    }

    internal static bool EndsSession(this Loss loss) => loss is Loss.ReplyAndSession or Loss.RequestAndSession;

    /// <summary>Sets the fault up for the next change.</summary>
    /// <returns>
    /// What completes the loss, given a call that may be answered without a change, since the other instance was faster; null if it must
    /// strike.
    /// </returns>
    internal static Func<Task?, Task> Arrange(TestInstance instance, Loss loss)
    {
        ZooKeeperProxy proxy = instance.Proxy;
        Task struck = loss switch
        {
            Loss.HalfTheReply => proxy.ResetInMidReply(RequestKind.Multi),
            Loss.Request or Loss.RequestAndSession => proxy.CutBeforeForwarding(RequestKind.Multi),
            _ => proxy.DropNextReply(RequestKind.Multi),
        };
        if (loss.EndsSession())
        {
            proxy.Refuse();
        }

        return async call =>
        {
            await Eventually.CompletesAsync("the fault has struck", call is null ? struck : Task.WhenAny(struck, call));
            if (loss.EndsSession())
            {
                if (struck.IsCompleted)
                {
                    await instance.KillSessionAsync();
                }

                proxy.Admit();
            }
        };
    }
}
