using Xunit;

// What one test breaks, or only loads, must not disturb another one.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
