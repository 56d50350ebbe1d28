using System.Diagnostics;
using LockService.ZooKeeper.Protocol;

namespace LockService.ZooKeeper.Session;

/// <summary>One request as listeners see it: its activity, if one was asked for, and its duration. Exists only while somebody listens.</summary>
internal sealed class RequestObservation
{
    private readonly string _operation;
    private readonly TimeProvider _clock;
    private readonly long _start;
    private readonly Activity? _activity;
    private int _stopped;

    private RequestObservation(OpCode op, TimeProvider clock)
    {
        _operation = op.ToString();
        _clock = clock;
        _start = clock.GetTimestamp();

        // A child of what the caller is doing, and not its context from now on: the call returns before the request is done.
        Activity? callers = Activity.Current;
        _activity = Telemetry.Activities.StartActivity(_operation, ActivityKind.Client);
        Activity.Current = callers;
        _activity?.SetTag("operation", _operation);
    }

    /// <returns>Null if nobody listens.</returns>
    internal static RequestObservation? Start(OpCode op, TimeProvider clock) =>
        Telemetry.ObservesRequests ? new RequestObservation(op, clock) : null;

    /// <summary>The server has answered; an error that is an answer of the operation counts as done.</summary>
    internal void Answered(ErrorCode refusal) =>
        Stop(refusal == ErrorCode.Ok ? "Done" : nameof(RequestOutcome.Refused), refusal == ErrorCode.Ok ? null : refusal.ToString());

    internal void Failed(Exception failure) => Stop(
        failure switch
        {
            ZooKeeperException e => e.Outcome.ToString(),
            RequestAbandonedException e => e.Outcome.ToString(),
            _ => nameof(RequestOutcome.Unknown),
        },
        failure is RequestRefusedException refused ? refused.Code.ToString() : failure.GetType().Name);

    /// <summary>Only the first counts: an answer and a cancellation may meet.</summary>
    private void Stop(string outcome, string? error)
    {
        if (Interlocked.Exchange(ref _stopped, 1) != 0)
        {
            return;
        }

        var tags = new TagList { { "operation", _operation }, { "outcome", outcome } };
        if (error is not null)
        {
            tags.Add("error.type", error);
        }

        Telemetry.RequestDuration.Record(_clock.GetElapsedTime(_start).TotalSeconds, tags);
        if (_activity is { } activity)
        {
            activity.SetTag("outcome", outcome);
            if (error is not null)
            {
                activity.SetTag("error.type", error).SetStatus(ActivityStatusCode.Error);
            }

            Activity? current = Activity.Current;
            activity.Stop();
            Activity.Current = current;
        }
    }
}
