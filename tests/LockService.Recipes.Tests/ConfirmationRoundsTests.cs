using LockService.Recipes.Locking;
using LockService.Testing;
using Xunit;

namespace LockService.Recipes.Tests;

public sealed class ConfirmationRoundsTests
{
    private readonly ConfirmationRounds _rounds = new();

    /// <summary>Never runs on: nobody goes ahead by himself.</summary>
    private readonly TimeProvider _still = new StillClock();

    [Fact]
    public async Task Who_comes_during_a_round_is_in_the_next_one_with_all_the_others()
    {
        await _rounds.EnterAsync(_still, default);
        Task[] second = [_rounds.EnterAsync(_still, default), _rounds.EnterAsync(_still, default)];
        Assert.DoesNotContain(second, one => one.IsCompleted);

        _rounds.Leave();

        await Eventually.CompletesAsync("the next round begins", Task.WhenAll(second));
        Task third = _rounds.EnterAsync(_still, default);
        _rounds.Leave();
        Assert.False(third.IsCompleted);
        _rounds.Leave();
        await Eventually.CompletesAsync("the next round begins", third);
    }

    [Fact]
    public async Task Nobody_waits_long_for_a_round_that_does_not_end()
    {
        await _rounds.EnterAsync(TimeProvider.System, default);

        await Eventually.CompletesAsync("it goes ahead", _rounds.EnterAsync(TimeProvider.System, default));

        Task next = _rounds.EnterAsync(_still, default);
        _rounds.Leave();
        Assert.False(next.IsCompleted);
        _rounds.Leave();
        await Eventually.CompletesAsync("the round is over when both have left", next);
    }

    [Fact]
    public async Task Who_gives_up_before_his_round_leaves_it_like_the_others()
    {
        using var giveUp = new CancellationTokenSource();
        await _rounds.EnterAsync(_still, default);
        Task entering = _rounds.EnterAsync(_still, giveUp.Token);

        await giveUp.CancelAsync();
        await Eventually.CompletesAsync("it has given up", entering);
        _rounds.Leave();
        _rounds.Leave();

        Assert.True(_rounds.EnterAsync(_still, default).IsCompleted, "nobody is left inside");
    }

    private sealed class StillClock : TimeProvider
    {
        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
            System.CreateTimer(callback, state, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }
}
