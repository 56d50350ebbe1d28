using System.Text.Json.Nodes;
using LockService.Testing;
using Xunit;

namespace LockService.Api.Tests;

/// <summary>Events of locks and leases as server-sent events.</summary>
[Collection(SharedService.Name)]
public sealed class EventEndpointTests(ServiceFixture fixture)
{
    private readonly string _lock = $"/v1/locks/lock-{Guid.NewGuid():n}";

    [Fact]
    public async Task A_lock_tells_what_happens_to_it()
    {
        using EventReader events = await ListenAsync($"{_lock}/events");
        Received first = await events.NextAsync();
        Assert.Equal(("resync", false), (first.Event, (bool)first.Data["held"]!));

        Answer held = await AcquireAsync("""{"owner":"first","ttlMs":60000}""");
        Received acquired = await events.NextAsync();
        Assert.Equal("acquired", acquired.Event);
        Assert.Equal(["name", "owner", "mode", "fencingToken", "remainingMs"], acquired.Data.Select(member => member.Key));
        Assert.Equal(held.Number("fencingToken"), (long)acquired.Data["fencingToken"]!);
        Assert.InRange((long)acquired.Data["remainingMs"]!, 30_000, 60_000);
        Assert.DoesNotContain(held.Text("leaseId")[..20], acquired.Data.ToJsonString(), StringComparison.Ordinal);

        Task<Answer> waiting = AcquireAsync("""{"owner":"second","waitMs":60000,"ttlMs":500,"mode":"shared"}""");
        Received queued = await events.NextAsync();
        Assert.Equal(("queued", "second", "shared"), (queued.Event, (string)queued.Data["owner"]!, (string)queued.Data["mode"]!));

        await PostAsync("renew", held);
        Assert.Equal("renewed", (await events.NextAsync()).Event);

        await PostAsync("release", held);
        Received released = await events.NextAsync();
        Assert.Equal(("released", "first"), (released.Event, (string)released.Data["owner"]!));
        Assert.Equal("acquired", (await events.NextAsync()).Event);

        // The second one does not renew.
        (await waiting).Expect(200);
        Assert.Equal("expiring-soon", (await events.NextAsync()).Event);
        Received expired = await events.NextAsync();
        Assert.Equal(("expired", "second"), (expired.Event, (string)expired.Data["owner"]!));
    }

    [Fact]
    public async Task A_stream_goes_on_behind_the_last_event_and_begins_anew_behind_one_that_is_not_known()
    {
        string last;
        using (EventReader events = await ListenAsync($"{_lock}/events"))
        {
            await events.NextAsync();
            Answer held = await AcquireAsync("""{"owner":"first"}""");
            last = (await events.NextAsync()).Id;
            await PostAsync("release", held);
            Assert.Equal("released", (await events.NextAsync()).Event);
        }

        await AcquireAsync("""{"owner":"second"}""");

        using EventReader again = await ListenAsync($"{_lock}/events", last);
        Received released = await again.NextAsync();
        Assert.Equal(("released", "first"), (released.Event, (string)released.Data["owner"]!));
        Received acquired = await again.NextAsync();
        Assert.Equal(("acquired", "second"), (acquired.Event, (string)acquired.Data["owner"]!));
        using EventReader anew = await ListenAsync($"{_lock}/events", "0123456789ab-1");
        Received resync = await anew.NextAsync();
        Assert.Equal(("resync", true), (resync.Event, (bool)resync.Data["held"]!));
    }

    [Fact]
    public async Task A_lease_tells_its_holder_that_it_expires_soon_and_how_it_ended()
    {
        Answer held = await AcquireAsync("""{"ttlMs":1500}""");
        using EventReader events = await ListenAsync($"/v1/leases/{held.Text("leaseId")}/events");

        Received soon = await events.NextAsync();
        Assert.Equal("expiring-soon", soon.Event);
        Assert.InRange((long)soon.Data["remainingMs"]!, 0, 500);
        await PostAsync("renew", held);
        Assert.Equal("expiring-soon", (await events.NextAsync()).Event);
        Assert.Equal("expired", (await events.NextAsync()).Event);
        Assert.Null(await events.TryNextAsync());

        Answer other = await AcquireAsync();
        using EventReader released = await ListenAsync($"/v1/leases/{other.Text("leaseId")}/events");
        await PostAsync("release", other);
        Assert.Equal("released", (await released.NextAsync()).Event);
        Assert.Null(await released.TryNextAsync());
    }

    [Fact]
    public async Task A_broken_lock_is_told_as_broken_and_what_keeps_it_closed_is_nobody()
    {
        Answer held = await AcquireAsync("""{"owner":"first","lockDelayMs":500}""");
        using EventReader lease = await ListenAsync($"/v1/leases/{held.Text("leaseId")}/events");
        using EventReader events = await ListenAsync($"{_lock}/events");
        Assert.Equal("resync", (await events.NextAsync()).Event);
        Task<Answer> waiting = AcquireAsync("""{"owner":"second","waitMs":60000}""");
        Assert.Equal("queued", (await events.NextAsync()).Event);

        (await fixture.Caller.SendAsync(HttpMethod.Delete, _lock, null)).Expect(204);

        Assert.Equal("broken", (await lease.NextAsync()).Event);
        Received broken = await events.NextAsync();
        Assert.Equal(("broken", "first"), (broken.Event, (string)broken.Data["owner"]!));
        Received acquired = await events.NextAsync();
        Assert.Equal(("acquired", "second"), (acquired.Event, (string)acquired.Data["owner"]!));
        (await waiting).Expect(200);
    }

    [Fact]
    public async Task There_is_no_stream_of_a_lease_that_has_ended()
    {
        Answer held = await AcquireAsync();
        await PostAsync("release", held);

        (await fixture.Caller.GetAsync($"/v1/leases/{held.Text("leaseId")}/events")).ExpectProblem(410, "lease-lost");
        (await fixture.Caller.GetAsync("/v1/locks/.x/events")).ExpectProblem(400, "invalid-request");
    }

    private Task<Answer> AcquireAsync(string? json = null) => fixture.Caller.PostAsync($"{_lock}/acquire", json);

    private Task<Answer> PostAsync(string verb, Answer held) =>
        fixture.Caller.PostAsync($"{_lock}/{verb}", new JsonObject { ["leaseId"] = held.Text("leaseId") }.ToJsonString());

    private async Task<EventReader> ListenAsync(string path, string? lastEventId = null)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, path);
        if (lastEventId is not null)
        {
            request.Headers.Add("Last-Event-ID", lastEventId);
        }

        HttpResponseMessage response = await fixture.Service.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        Assert.Equal("text/event-stream", response.EnsureSuccessStatusCode().Content.Headers.ContentType?.ToString());
        return new EventReader(response, new StreamReader(await response.Content.ReadAsStreamAsync()));
    }

    private sealed record Received(string Event, string Id, JsonObject Data);

    private sealed class EventReader(HttpResponseMessage response, StreamReader lines) : IDisposable
    {
        internal async Task<Received> NextAsync()
        {
            Received? next = await Eventually.CompletesAsync("there is another event", TryNextAsync());
            Assert.NotNull(next);
            return next;
        }

        /// <summary>The next event; null at the end of the stream.</summary>
        internal async Task<Received?> TryNextAsync()
        {
            var fields = new Dictionary<string, string>();
            while (await lines.ReadLineAsync() is { } line)
            {
                if (line.Length > 0 && line[0] != ':')
                {
                    int colon = line.IndexOf(':', StringComparison.Ordinal);
                    fields[line[..colon]] = line[(colon + 2)..];
                }
                else if (fields.Remove("event", out string? name))
                {
                    return new Received(name, fields["id"], JsonNode.Parse(fields["data"])!.AsObject());
                }
                else
                {
                    fields.Clear();
                }
            }

            return null;
        }

        public void Dispose()
        {
            lines.Dispose();
            response.Dispose();
        }
    }
}
