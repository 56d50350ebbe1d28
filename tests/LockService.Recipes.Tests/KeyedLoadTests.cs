using System.Globalization;
using LockService.Testing;
using Xunit;
using Xunit.Abstractions;

namespace LockService.Recipes.Tests;

/// <summary>Many keyed increments, each sent several times through two instances whose connections keep breaking.</summary>
[Collection("another zookeeper")]
public sealed class KeyedLoadTests(ZooKeeperFixture zookeeper, ITestOutputHelper output)
{
    private static readonly CancellationToken s_never = CancellationToken.None;

    /// <summary>100,000 with LOCKSERVICE_LONG=1.</summary>
    [Fact]
    public async Task The_final_value_is_the_number_of_distinct_keys()
    {
        int keys = Environment.GetEnvironmentVariable("LOCKSERVICE_LONG") == "1" ? 100_000 : 5_000;
        int seed = Environment.TickCount;
        var random = new Random(seed);
        await using TestInstance one = await TestInstance.StartAsync(zookeeper);
        await using TestInstance two = await TestInstance.StartAsync(zookeeper, one.Chroot, markerVersions: 100);
        TestInstance[] instances = [one, two];
        int[] sendings = [.. Enumerable.Range(0, keys).Select(_ => random.Next(2, 6))];
        int next = -1;
        int answered = 0;
        long[] values = new long[keys];

        Task done = Task.WhenAll(Enumerable.Range(0, 64).Select(async worker =>
        {
            for (int key; (key = Interlocked.Increment(ref next)) < keys;)
            {
                IncrementResult[] answers = await Task.WhenAll(Enumerable.Range(0, sendings[key]).Select(i => SendAsync(instances[(worker + i) % 2], key)));
                Assert.Single(answers.Distinct());
                values[key] = answers[0].Value;
                Interlocked.Increment(ref answered);
            }
        }));
        int faults = 0;
        while (!done.IsCompleted)
        {
            int before = Volatile.Read(ref answered);
            await StrikeAsync(instances[random.Next(2)], random, done);
            faults++;
            await Eventually.TrueAsync("the increments go on", () => done.IsCompleted || Volatile.Read(ref answered) > before + (keys / 50), TimeSpan.FromMinutes(2));
        }

        await Eventually.CompletesAsync($"all are answered (seed {seed})", done);
        output.WriteLine($"{keys} keys, {sendings.Sum()} sendings, {faults} faults, seed {seed}");
        Assert.Equal(keys.ToString(CultureInfo.InvariantCulture), await one.TextAsync("/lockservice/counters/c"));
        Assert.Equal(Enumerable.Range(1, keys), values.Select(value => (int)value).Order());
    }

    private static async Task StrikeAsync(TestInstance victim, Random random, Task done)
    {
        Task struck = random.Next(5) switch
        {
            0 => victim.Proxy.DropNextReply(RequestKind.Multi),
            1 => victim.Proxy.CutBeforeForwarding(RequestKind.Multi),
            2 => victim.Proxy.ResetInMidReply(RequestKind.Multi),
            3 => victim.Proxy.DropNextReply(RequestKind.GetData),
            _ => victim.EndSessionAsync(),
        };
        await Eventually.CompletesAsync("the fault strikes", Task.WhenAny(struck, done));
    }

    /// <summary>As a client does: again and again with the same key, until there is an answer.</summary>
    private static async Task<IncrementResult> SendAsync(TestInstance instance, int key)
    {
        while (true)
        {
            try
            {
                return await instance.Counters.IncrementAsync("c", new IncrementOptions { Key = KeyedCallsTests.Request($"{key}") }, s_never);
            }
            catch (IdempotencyInProgressException)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(1), TimeProvider.System);
            }
            catch (Exception e) when (e is StoreUnavailableException or EffectUnknownException)
            {
                // Sent again.
            }
        }
    }
}
