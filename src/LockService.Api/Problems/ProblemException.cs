namespace LockService.Api.Problems;

/// <summary>Ends a request with a problem from a place that cannot return a result, such as parameter binding.</summary>
internal sealed class ProblemException(ProblemResult problem) : Exception(problem.Kind.Title)
{
    internal ProblemResult Problem { get; } = problem;
}
