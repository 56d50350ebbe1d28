using System.Reflection;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using LockService.Contracts;
using Microsoft.AspNetCore.Http.Metadata;

namespace LockService.Api;

/// <summary>
/// An answer of 200 with one of the contract's records. It tells its length, so that head and body leave in one write: the framework's own
/// result ends the body with a chunk of its own, which costs both sides a second one.
/// </summary>
internal sealed class Answer<T>(T value) : IResult, IEndpointMetadataProvider
{
    public Task ExecuteAsync(HttpContext httpContext) => JsonAnswer.WriteAsync(httpContext.Response, StatusCodes.Status200OK, value);

    public static void PopulateMetadata(MethodInfo method, EndpointBuilder builder) =>
        JsonAnswer.Describe<T>(builder, StatusCodes.Status200OK);
}

/// <summary>The same for 201.</summary>
internal sealed class CreatedAnswer<T>(T value) : IResult, IEndpointMetadataProvider
{
    public Task ExecuteAsync(HttpContext httpContext) => JsonAnswer.WriteAsync(httpContext.Response, StatusCodes.Status201Created, value);

    public static void PopulateMetadata(MethodInfo method, EndpointBuilder builder) =>
        JsonAnswer.Describe<T>(builder, StatusCodes.Status201Created);
}

/// <summary>What the answers have in common.</summary>
internal static class JsonAnswer
{
    /// <summary>An answer of 200.</summary>
    internal static Answer<T> Ok<T>(T value) => new(value);

    /// <summary>An answer of 201.</summary>
    internal static CreatedAnswer<T> Created<T>(T value) => new(value);

    internal static async Task WriteAsync<T>(HttpResponse response, int status, T value)
    {
        byte[] body = JsonSerializer.SerializeToUtf8Bytes(value, Shape<T>.OfJson);
        response.StatusCode = status;
        response.ContentType = "application/json; charset=utf-8";
        response.ContentLength = body.Length;
        await response.BodyWriter.WriteAsync(body, CancellationToken.None);
    }

    internal static void Describe<T>(EndpointBuilder builder, int status) =>
        builder.Metadata.Add(new ProducesResponseTypeMetadata(status, typeof(T), ["application/json"]));

    private static class Shape<T>
    {
        internal static readonly JsonTypeInfo<T> OfJson = (JsonTypeInfo<T>)ContractJson.Readable.GetTypeInfo(typeof(T))!;
    }
}
