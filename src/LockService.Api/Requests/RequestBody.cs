using System.Buffers;
using System.IO.Pipelines;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using LockService.Api.Problems;
using LockService.Contracts;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Net.Http.Headers;

namespace LockService.Api.Requests;

/// <summary>Reads a body. No body at all means the same as an object without members.</summary>
internal static class RequestBody<T>
    where T : class, ICheckedRequest
{
    /// <summary>The most bytes of a body, 1 MiB.</summary>
    private const long MaxBytes = 1024 * 1024;

    private static readonly JsonTypeInfo<T> s_type = (JsonTypeInfo<T>)ContractJson.Default.GetTypeInfo(typeof(T))!;
    private static readonly T s_empty = JsonSerializer.Deserialize("{}"u8, s_type)!;

    /// <summary>Whether every member has a default.</summary>
    internal static bool IsOptional { get; } = CheckEmpty();

    /// <summary>Reads and checks the body; what is wrong with its members is added to the errors, and its bytes to the digest.</summary>
    /// <exception cref="ProblemException">There is no JSON object to speak of.</exception>
    internal static async ValueTask<T> ReadAsync(HttpRequest request, IncrementalHash? digest, RequestErrors errors, CancellationToken cancellation)
    {
        T? body = s_empty;
        if (request.HttpContext.Features.Get<IHttpRequestBodyDetectionFeature>() is not { CanHaveBody: false })
        {
            PipeReader reader = request.BodyReader;
            ReadResult read = await ReadToEndAsync(reader, request.ContentLength ?? 0, cancellation);
            try
            {
                body = read.Buffer.IsEmpty ? body : Take(read.Buffer, request.ContentType, digest, errors);
            }
            finally
            {
                // Also if it is refused: whoever does not give back what he read makes the server close the connection after the answer, without a word.
                reader.AdvanceTo(read.Buffer.End);
            }
        }

        body?.Check(errors);
        return body ?? s_empty;
    }

    private static T? Take(ReadOnlySequence<byte> buffer, string? contentType, IncrementalHash? digest, RequestErrors errors)
    {
        RequireJson(contentType);
        foreach (ReadOnlyMemory<byte> segment in buffer)
        {
            digest?.AppendData(segment.Span);
        }

        return Parse(buffer, errors);
    }

    /// <returns>Null if it could not be read; the errors say why.</returns>
    private static T? Parse(ReadOnlySequence<byte> buffer, RequestErrors errors)
    {
        ReadOnlySpan<byte> json = buffer.IsSingleSegment ? buffer.FirstSpan : buffer.ToArray();
        try
        {
            if (JsonSerializer.Deserialize(json, s_type) is { } body)
            {
                return body;
            }
        }
        catch (JsonException)
        {
            // The serializer stops at the first error and speaks of .NET types; look again for all of them, in the caller's words.
        }

        BodyDiagnosis.Explain(json.ToArray(), s_type, errors);
        return null;
    }

    private static async ValueTask<ReadResult> ReadToEndAsync(PipeReader reader, long announced, CancellationToken cancellation)
    {
        while (announced <= MaxBytes)
        {
            ReadResult read = await reader.ReadAsync(cancellation);
            if (read.Buffer.Length > MaxBytes)
            {
                // Given back as consumed: after the answer, the server reads what remains of the body and throws it away.
                reader.AdvanceTo(read.Buffer.End);
                break;
            }

            if (read.IsCompleted)
            {
                return read;
            }

            // Everything is examined and nothing consumed, so that the reader goes on.
            reader.AdvanceTo(read.Buffer.Start, read.Buffer.End);
        }

        throw new ProblemException(ProblemMapper.BodyTooLarge);
    }

    private static void RequireJson(string? contentType)
    {
        if (string.Equals(contentType, "application/json", StringComparison.OrdinalIgnoreCase))
        {
            return;
        }

        bool json = MediaTypeHeaderValue.TryParse(contentType, out MediaTypeHeaderValue? type)
            && (type.MediaType.Equals("application/json", StringComparison.OrdinalIgnoreCase) || type.Suffix.Equals("json", StringComparison.OrdinalIgnoreCase))
            && (!type.Charset.HasValue || type.Charset.Equals("utf-8", StringComparison.OrdinalIgnoreCase) || type.Charset.Equals("\"utf-8\"", StringComparison.OrdinalIgnoreCase));
        if (!json)
        {
            throw new ProblemException(new ProblemResult(
                ProblemKind.UnsupportedMediaType, "The body must be JSON in UTF-8 and say so: Content-Type: application/json."));
        }
    }

    private static bool CheckEmpty()
    {
        var errors = new RequestErrors();
        s_empty.Check(errors);
        return errors.None;
    }
}
