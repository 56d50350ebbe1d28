using LockService.FaultTests.Clusters;

namespace LockService.FaultTests.Nemeses;

/// <summary>
/// Lets nemeses strike for as long as a run lasts: on each target one after the other, on different targets at the same time, and now and then one
/// all alone. Which, and for how long, follows from the seed; what meets what, also from the machine.
/// </summary>
/// <param name="cluster">What they break.</param>
/// <param name="nemeses">Who strikes, each with how often it is chosen among those of its target.</param>
/// <param name="recovery">Completes when all is well again, or was not for long enough; who struck alone lets nobody else strike before.</param>
/// <param name="seed">Of all choices.</param>
/// <param name="clock">The time.</param>
/// <param name="start">When the history began, as a timestamp of the clock.</param>
internal sealed class FaultScheduler(
    FaultCluster cluster, IReadOnlyList<(INemesis Nemesis, int Weight)> nemeses, Func<TimeSpan, Task> recovery, int seed, TimeProvider clock, long start)
{
    private static readonly TimeSpan s_shortestPause = TimeSpan.FromMilliseconds(300);
    private static readonly TimeSpan s_longestPause = TimeSpan.FromSeconds(4);
    private static readonly int s_targets = Enum.GetValues<NemesisTarget>().Length;

    /// <summary>Everybody who strikes has a place; who strikes alone has all of them.</summary>
    private readonly SemaphoreSlim _places = new(s_targets);
    private readonly SemaphoreSlim _loner = new(1);

    /// <summary>What happened so far.</summary>
    internal FaultTimeline Timeline { get; } = new();

    /// <summary>Strikes until told to stop, and returns when all that was broken is whole, as far as the nemeses know.</summary>
    /// <exception cref="Exception">A nemesis failed: that is a defect of the suite.</exception>
    internal Task RunAsync(CancellationToken stop) =>
        Task.WhenAll(nemeses.GroupBy(choice => choice.Nemesis.Target).Select(group => RunAsync([.. group], new Random((seed * s_targets) + (int)group.Key), stop)));

    private async Task RunAsync((INemesis Nemesis, int Weight)[] choices, Random random, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            TimeSpan pause = s_shortestPause + (random.NextDouble() * (s_longestPause - s_shortestPause));
            await Task.Delay(pause, clock, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            INemesis nemesis = Choose(choices, random);
            bool alone = random.Next(4) == 0;
            var choicesOfNemesis = new Random(random.Next());
            if (!stop.IsCancellationRequested)
            {
                await StrikeAsync(nemesis, choicesOfNemesis, alone, stop);
            }
        }
    }

    private async Task StrikeAsync(INemesis nemesis, Random random, bool alone, CancellationToken stop)
    {
        await EnterAsync(alone);
        try
        {
            TimeSpan began = clock.GetElapsedTime(start);
            await nemesis.StrikeAsync(cluster, random, stop);
            TimeSpan ended = clock.GetElapsedTime(start);
            Timeline.Add(new Fault(nemesis.Kind, nemesis.Target, began, ended, nemesis.EndsService, alone));
            if (alone)
            {
                await recovery(ended);
            }
        }
        catch (Exception e)
        {
            throw new InvalidOperationException($"The nemesis '{nemesis.Kind}' failed: {e.Message}", e);
        }
        finally
        {
            _places.Release(alone ? s_targets : 1);
        }
    }

    private async Task EnterAsync(bool alone)
    {
        // One at a time collects places, so that nobody has some of them and waits for others who do the same.
        await _loner.WaitAsync();
        try
        {
            for (int i = 0; i < (alone ? s_targets : 1); i++)
            {
                await _places.WaitAsync();
            }
        }
        finally
        {
            _loner.Release();
        }
    }

    private static INemesis Choose((INemesis Nemesis, int Weight)[] choices, Random random)
    {
        int drawn = random.Next(choices.Sum(choice => choice.Weight));
        return choices.First(choice => (drawn -= choice.Weight) < 0).Nemesis;
    }
}
