using System.Buffers.Text;
using System.Text;

namespace LockService.Benchmarks.Load;

/// <summary>A POST whose bytes are made once, but for a part in the middle of the body that each answer before it decides.</summary>
internal sealed class HttpRequest
{
    private readonly byte[] _head;
    private readonly byte[] _before;
    private readonly byte[] _after;
    private byte[] _buffer = new byte[1024];

    /// <param name="path">The path.</param>
    /// <param name="before">The body up to the variable part.</param>
    /// <param name="after">The body from there on.</param>
    internal HttpRequest(string path, string before, string after)
    {
        _head = Encoding.ASCII.GetBytes($"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ");
        _before = Encoding.UTF8.GetBytes(before);
        _after = Encoding.UTF8.GetBytes(after);
    }

    /// <summary>The bytes of a request that is always the same.</summary>
    internal static ReadOnlyMemory<byte> Fixed(string path, string body) =>
        body.Length > 0
            ? new HttpRequest(path, body, "").With([])
            : Encoding.ASCII.GetBytes($"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n");

    /// <summary>The bytes with this in the middle of the body; they change with the next call.</summary>
    internal ReadOnlyMemory<byte> With(ReadOnlySpan<byte> middle)
    {
        int bodyLength = _before.Length + middle.Length + _after.Length;
        if (_buffer.Length < _head.Length + 16 + bodyLength)
        {
            _buffer = new byte[2 * (_head.Length + 16 + bodyLength)];
        }

        Span<byte> target = _buffer;
        int at = Append(target, 0, _head);
        _ = Utf8Formatter.TryFormat(bodyLength, target[at..], out int digits);
        at = Append(target, at + digits, "\r\n\r\n"u8);
        at = Append(target, at, _before);
        at = Append(target, at, middle);
        at = Append(target, at, _after);
        return _buffer.AsMemory(0, at);
    }

    private static int Append(Span<byte> target, int at, ReadOnlySpan<byte> part)
    {
        part.CopyTo(target[at..]);
        return at + part.Length;
    }
}
