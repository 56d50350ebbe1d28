using System.Buffers.Text;

namespace LockService.Benchmarks.Load;

/// <summary>The little of HTTP/1.1 that the measured servers' answers need.</summary>
internal readonly ref struct HttpAnswer
{
    private const int StatusOffset = 9;

    private HttpAnswer(int status, ReadOnlySpan<byte> body, int length)
    {
        Status = status;
        Body = body;
        Length = length;
    }

    internal int Status { get; }

    internal ReadOnlySpan<byte> Body { get; }

    /// <summary>The bytes it took, head included.</summary>
    internal int Length { get; }

    /// <summary>Reads an answer; a body in chunks is put together in place.</summary>
    /// <returns>False if it is not there completely.</returns>
    internal static bool TryRead(Span<byte> received, out HttpAnswer answer)
    {
        answer = default;
        int headLength = received.IndexOf("\r\n\r\n"u8);
        if (headLength < 0)
        {
            return false;
        }

        ReadOnlySpan<byte> head = received[..headLength];
        Span<byte> rest = received[(headLength + 4)..];
        int status = Number(head[StatusOffset..]);
        int bodyLength = 0;
        int consumed = 0;
        int length = head.IndexOf("\r\nContent-Length: "u8);
        if (length >= 0)
        {
            bodyLength = consumed = Number(head[(length + 18)..]);
        }
        else if (head.IndexOf("\r\nTransfer-Encoding: chunked"u8) >= 0 && !TryJoin(rest, out bodyLength, out consumed))
        {
            return false;
        }

        if (consumed > rest.Length)
        {
            return false;
        }

        answer = new HttpAnswer(status, rest[..bodyLength], headLength + 4 + consumed);
        return true;
    }

    private static bool TryJoin(Span<byte> rest, out int bodyLength, out int consumed)
    {
        (bodyLength, consumed) = (0, 0);
        if (rest.IndexOf("\r\n0\r\n\r\n"u8) < 0 && !rest.StartsWith("0\r\n\r\n"u8))
        {
            // The last chunk is not there yet: nothing may be moved, since it will be read again from its start.
            return false;
        }

        while (true)
        {
            Span<byte> left = rest[consumed..];
            int line = left.IndexOf("\r\n"u8);
            if (line < 0 || !Utf8Parser.TryParse(left[..line], out int size, out _, 'x') || left.Length < line + 4 + size)
            {
                throw new InvalidDataException("A chunk of the answer cannot be read.");
            }

            left.Slice(line + 2, size).CopyTo(rest[bodyLength..]);
            bodyLength += size;
            consumed += line + 4 + size;
            if (size == 0)
            {
                return true;
            }
        }
    }

    private static int Number(ReadOnlySpan<byte> digits) =>
        Utf8Parser.TryParse(digits, out int value, out _) ? value : throw new InvalidDataException("A number of the answer's head cannot be read.");
}
