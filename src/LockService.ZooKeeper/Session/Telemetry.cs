using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace LockService.ZooKeeper.Session;

/// <summary>
/// The meter and the activity source of all clients of this process, both named <c>LockService.ZooKeeper</c>. Tags have few values and
/// never hold paths: paths are without number, and some of them are secrets.
/// </summary>
internal static class Telemetry
{
    internal const string Name = "LockService.ZooKeeper";

    internal static readonly ActivitySource Activities = new(Name);

    private static readonly Meter s_meter = new(Name);
    private static readonly ConcurrentDictionary<SessionLoop, bool> s_sessions = new();

    internal static readonly Histogram<double> RequestDuration = s_meter.CreateHistogram<double>(
        "zookeeper.client.request.duration", "s", "From the call to the completion of a request, the wait for a connection included.");

    internal static readonly Counter<long> Reconnects = s_meter.CreateCounter<long>(
        "zookeeper.client.reconnects", "{connection}", "Connections of a session after its first one.");

    internal static readonly Counter<long> SessionEnds = s_meter.CreateCounter<long>(
        "zookeeper.client.session.ends", "{session}", "Sessions that have ended, by reason.");

    static Telemetry()
    {
        s_meter.CreateObservableUpDownCounter(
            "zookeeper.client.requests.in_flight", () => Sum(session => session.InFlight), "{request}", "Requests sent and not answered yet.");
        s_meter.CreateObservableUpDownCounter(
            "zookeeper.client.requests.queued", () => Sum(session => session.Queued), "{request}", "Requests that wait to be sent.");
        s_meter.CreateObservableUpDownCounter(
            "zookeeper.client.watches", () => Sum(session => session.Watches.Count), "{watch}", "Watches that wait for an event.");
        s_meter.CreateObservableUpDownCounter("zookeeper.client.sessions", SessionsByState, "{session}", "Sessions that have not ended, by state.");
    }

    /// <summary>Whether anybody wants to know about single requests; all that a request costs if nobody does.</summary>
    internal static bool ObservesRequests => RequestDuration.Enabled || Activities.HasListeners();

    internal static void Started(SessionLoop session) => s_sessions.TryAdd(session, true);

    internal static void Ended(SessionLoop session, SessionEnd end)
    {
        s_sessions.TryRemove(session, out _);
        SessionEnds.Add(1, new KeyValuePair<string, object?>("reason", end.ToString()));
    }

    private static long Sum(Func<SessionLoop, int> count) => s_sessions.Keys.Sum(session => (long)count(session));

    private static IEnumerable<Measurement<long>> SessionsByState() =>
        from state in (SessionState[])[SessionState.Connecting, SessionState.Connected]
        select new Measurement<long>(
            s_sessions.Keys.LongCount(session => session.Status.State == state), new KeyValuePair<string, object?>("state", state.ToString()));
}
