using LockService.Testing;
using Xunit;

namespace LockService.Recipes.Tests;

/// <summary>The checker finds what it is there to find: histories that no queue can have, made up one fault each.</summary>
public sealed class QueueCheckerTests
{
    private static readonly TimeSpan s_lease = TimeSpan.FromSeconds(10);

    private readonly ManualClock _clock = new();
    private readonly QueueChecker _checker;

    public QueueCheckerTests() => _checker = new QueueChecker(_clock);

    [Fact]
    public void A_history_of_a_queue_has_no_violations()
    {
        Enqueue("a", "b");
        QueueChecker.Delivery first = Deliver("a");
        Pass(11);
        QueueChecker.Delivery late = Deliver("b");
        Acknowledge(Deliver("a", count: 2));
        Refuse(first);
        _checker.LettingGo(late);
        Acknowledge(Deliver("b", count: 2));

        Assert.Empty(_checker.Violations());
    }

    [Fact]
    public void A_message_that_is_never_delivered_is_lost()
    {
        Enqueue("a");

        Assert.Equal(["lost: a"], _checker.Violations());
    }

    [Fact]
    public void A_message_that_nobody_enqueued_is_found()
    {
        Acknowledge(Deliver("a"));

        Assert.Equal(["never enqueued: a"], _checker.Violations());
    }

    [Fact]
    public void A_delivery_after_the_acknowledgement_is_found()
    {
        Enqueue("a");
        Acknowledge(Deliver("a"));
        Pass(1);
        Deliver("a", count: 2);

        Assert.Equal(["delivered after its acknowledgement: a"], _checker.Violations());
    }

    [Fact]
    public void A_redelivery_before_the_lease_has_ended_is_found()
    {
        Enqueue("a");
        Deliver("a");
        Pass(9);
        Acknowledge(Deliver("a", count: 2));

        Assert.Equal(["delivered again before its lease had ended: a"], _checker.Violations());
    }

    [Fact]
    public void A_lease_that_is_lost_before_its_end_is_found()
    {
        Enqueue("a");
        QueueChecker.Delivery delivery = Deliver("a");
        Pass(9);
        Refuse(delivery);
        Pass(2);
        Acknowledge(Deliver("a", count: 2));

        Assert.Equal(["lost before its lease had ended: a"], _checker.Violations());
    }

    [Fact]
    public void A_message_that_vanishes_without_an_acknowledgement_is_found()
    {
        Enqueue("a");
        Deliver("a");

        Assert.Equal(["never acknowledged, but gone: a"], _checker.Violations());
    }

    [Fact]
    public void Two_acknowledgements_of_one_message_are_found()
    {
        Enqueue("a");
        QueueChecker.Delivery first = Deliver("a");
        Pass(11);
        QueueChecker.Delivery second = Deliver("a", count: 2);
        Acknowledge(first);
        Acknowledge(second);

        Assert.Equal(["acknowledged twice: a"], _checker.Violations());
    }

    [Fact]
    public void A_delivery_count_that_does_not_rise_is_found()
    {
        Enqueue("a");
        Deliver("a");
        Pass(11);
        Acknowledge(Deliver("a"));

        Assert.Equal(["delivery counts 1,1: a"], _checker.Violations());
    }

    [Fact]
    public void A_message_that_overtakes_another_of_its_producer_is_found()
    {
        Enqueue("a", "b");
        Acknowledge(Deliver("b"));
        Pass(1);
        Acknowledge(Deliver("a"));

        Assert.Equal(["overtaken: a"], _checker.Violations());
    }

    [Fact]
    public void What_may_have_been_taken_for_nobody_may_come_later()
    {
        Enqueue("a", "b");
        _checker.DequeueDoubtful(1, _checker.Now);
        Acknowledge(Deliver("b"));
        Pass(1);
        Acknowledge(Deliver("a"));

        Assert.Empty(_checker.Violations());
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(130, 0)]
    public void What_was_asked_for_later_or_long_before_excuses_nobody(int secondsBefore, int secondsAfter)
    {
        Enqueue("a", "b");
        long asked = _checker.Now;
        Pass(secondsBefore);
        Acknowledge(Deliver("b"));
        Pass(1);
        _checker.DequeueDoubtful(1, secondsAfter > 0 ? _checker.Now : asked);
        Acknowledge(Deliver("a"));

        Assert.Equal(["overtaken: a"], _checker.Violations());
    }

    private void Enqueue(params string[] bodies) => Array.ForEach(bodies, body => _checker.Enqueued(0, 0, body, certain: true));

    private QueueChecker.Delivery Deliver(string body, int count = 1) => _checker.Delivered(body, _checker.Now, s_lease, count);

    private void Acknowledge(QueueChecker.Delivery delivery)
    {
        _checker.LettingGo(delivery);
        _checker.Acknowledged(delivery);
    }

    private void Refuse(QueueChecker.Delivery delivery)
    {
        _checker.LettingGo(delivery);
        _checker.Refused(delivery);
    }

    private void Pass(int seconds) => _clock.Advance(TimeSpan.FromSeconds(seconds));
}
