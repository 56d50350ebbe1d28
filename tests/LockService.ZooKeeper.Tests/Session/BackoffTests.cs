using LockService.Testing;
using LockService.ZooKeeper.Session;
using Xunit;

namespace LockService.ZooKeeper.Tests.Session;

/// <summary>How fast and how often a session tries to connect.</summary>
public sealed class BackoffTests
{
    private static readonly TimeSpan s_minute = TimeSpan.FromMinutes(1);

    private readonly ManualClock _clock = new();

    [Fact]
    public void After_a_connection_that_lasted_the_next_attempt_is_made_at_once()
    {
        var backoff = new Backoff(_clock);
        for (int i = 0; i < 20; i++)
        {
            _clock.Advance(s_minute);
            Assert.Equal(TimeSpan.Zero, backoff.After(s_minute, roundEnded: i % 3 == 0));
        }
    }

    [Fact]
    public void N13_After_one_dead_address_the_next_is_tried_within_a_second()
    {
        var backoff = new Backoff(_clock);
        TimeSpan pause = backoff.After(s_minute, roundEnded: false) + backoff.After(TimeSpan.Zero, roundEnded: false);

        Assert.InRange(pause, TimeSpan.FromMilliseconds(1), TimeSpan.FromSeconds(1));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(7)]
    public void Z30_Servers_that_refuse_at_once_see_one_attempt_a_second_at_most(int servers) =>
        Assert.InRange(AttemptsInAMinute(servers, lasting: TimeSpan.Zero), 30, 60);

    [Theory]
    [InlineData(0.9)]
    [InlineData(1)]
    [InlineData(1.1)]
    public void Z30_Nor_do_those_that_drop_every_third_connection_after_a_while_see_more(double lasting) =>
        Assert.InRange(AttemptsInAMinute(servers: 3, TimeSpan.FromSeconds(lasting)), 30, 60);

    [Fact]
    public void Z30_Sessions_that_lost_their_connection_together_do_not_come_back_together()
    {
        TimeSpan[] pauses = [.. Enumerable.Range(0, 100).Select(_ => NinthPause(new Backoff(_clock)))];

        Assert.InRange(pauses.Distinct().Count(), 90, 100);
        Assert.InRange(pauses.Max() - pauses.Min(), TimeSpan.FromMilliseconds(200), TimeSpan.FromMilliseconds(400));

        static TimeSpan NinthPause(Backoff backoff)
        {
            for (int i = 0; i < Backoff.Account; i++)
            {
                backoff.After(TimeSpan.Zero, roundEnded: false);
            }

            return backoff.After(TimeSpan.Zero, roundEnded: false);
        }
    }

    /// <summary>Counts attempts over the first minute of which every third one makes a connection that lasts as long as told.</summary>
    private int AttemptsInAMinute(int servers, TimeSpan lasting)
    {
        var backoff = new Backoff(_clock);
        int attempts = 0;
        TimeSpan passed = TimeSpan.Zero;
        while (passed < s_minute)
        {
            attempts++;
            TimeSpan lasted = attempts % 3 == 0 ? lasting : TimeSpan.Zero;
            _clock.Advance(lasted);
            TimeSpan pause = backoff.After(lasted, roundEnded: attempts % servers == 0);
            _clock.Advance(pause);
            passed += lasted + pause;
        }

        return attempts;
    }
}
