using LockService.Benchmarks.Load;

namespace LockService.Benchmarks.Contenders;

/// <summary>Somebody who can do the work of a row.</summary>
internal interface IContender : IDisposable
{
    /// <summary>As the table calls it.</summary>
    string Name { get; }

    /// <summary>Does the work for that long. Whatever it holds in between the runs does not keep others from working.</summary>
    Task<Figure> RunAsync(TimeSpan duration);
}
