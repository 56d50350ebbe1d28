using System.Text;

namespace LockService.Benchmarks.Load;

/// <summary>What one keep-alive connection says: cycles of the same steps, each with an answer that must be as expected.</summary>
internal abstract class Conversation
{
    private int _step;

    /// <summary>Cycles that went as expected from first to last step.</summary>
    internal long Cycles { get; private set; }

    /// <summary>Requests that were answered.</summary>
    internal long Requests { get; private set; }

    /// <summary>Answers that were not as expected.</summary>
    internal long Errors { get; private set; }

    /// <summary>The first of them.</summary>
    internal string? FirstError { get; private set; }

    /// <summary>Whether a cycle is over, so that nothing is left behind if no other begins.</summary>
    internal bool IsAtRest => _step == 0;

    /// <summary>How many requests make a cycle.</summary>
    protected abstract int Steps { get; }

    internal ReadOnlyMemory<byte> NextRequest() => Request(_step);

    /// <summary>Takes the answer to the last request. After one that was not expected the cycle begins anew.</summary>
    internal void Take(HttpAnswer answer)
    {
        Requests++;
        if (!IsExpected(_step, answer))
        {
            Errors++;
            FirstError ??= $"{answer.Status} {Encoding.UTF8.GetString(answer.Body)}";
            _step = 0;
        }
        else if (++_step == Steps)
        {
            Cycles++;
            _step = 0;
        }
    }

    /// <summary>The bytes of a step's request.</summary>
    protected abstract ReadOnlyMemory<byte> Request(int step);

    /// <summary>Whether this is what the step should be answered; remembers what later steps need.</summary>
    protected abstract bool IsExpected(int step, HttpAnswer answer);

    /// <summary>The text of a JSON member that has no escapes; empty if there is none.</summary>
    /// <param name="body">The JSON.</param>
    /// <param name="start">The member's name with all up to the text, such as <c>"id":"</c>.</param>
    protected static ReadOnlySpan<byte> Text(ReadOnlySpan<byte> body, ReadOnlySpan<byte> start)
    {
        int at = body.IndexOf(start);
        if (at < 0)
        {
            return [];
        }

        ReadOnlySpan<byte> rest = body[(at + start.Length)..];
        return rest[..Math.Max(0, rest.IndexOf((byte)'"'))];
    }
}
