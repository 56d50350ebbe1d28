using LockService.Testing;
using LockService.ZooKeeper.Protocol;
using LockService.ZooKeeper.Session;
using Xunit;

namespace LockService.ZooKeeper.Tests.Session;

/// <summary>What meets in a request: its caller, his cancellation, and the session's thread.</summary>
public sealed class PendingRequestTests
{
    private const int Rounds = 20_000;

    [Fact]
    public async Task A_request_that_is_answered_while_its_cancellation_is_registered_is_let_go_by_the_token()
    {
        using var lasting = new CancellationTokenSource();
        var queue = new RequestQueue(10, 10, TimeProvider.System);
        PendingRequest<CloseSessionMessage, Nothing>[] requests =
            [.. Enumerable.Range(0, Rounds).Select(_ => new PendingRequest<CloseSessionMessage, Nothing>(default, null))];
        int registering = -1;
        int answered = -1;
        var session = new Thread(() =>
        {
            var watches = new WatchTable();
            for (int round = 0; round < Rounds; round++)
            {
                while (Volatile.Read(ref registering) < round)
                {
                    Thread.SpinWait(1);
                }

                // The answer is to meet the registration at every point of it.
                Thread.SpinWait(round % 40);
                var nothing = new JuteReader([]);
                requests[round].Complete(ErrorCode.Ok, ref nothing, watches);
                Volatile.Write(ref answered, round);
            }
        })
        { IsBackground = true };
        session.Start();
        for (int round = 0; round < Rounds; round++)
        {
            Volatile.Write(ref registering, round);
            requests[round].CancelWith(queue, lasting.Token);
            Assert.True(SpinWait.SpinUntil(() => Volatile.Read(ref answered) == round, Eventually.DefaultDeadline), "the session's thread goes on");
        }

        await lasting.CancelAsync();

        // Nobody has claimed them for sending, so that each that the token still knew of was given up by it.
        Assert.Equal(0, requests.Count(request => request.IsAbandoned));
    }
}
