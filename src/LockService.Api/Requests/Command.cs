using System.Reflection;
using System.Security.Cryptography;
using LockService.Api.Problems;
using LockService.Contracts;
using LockService.Recipes;
using Microsoft.AspNetCore.Http.Metadata;

namespace LockService.Api.Requests;

/// <summary>A request that names something in its path and says in its body what to do with it; a handler never sees an invalid one.</summary>
/// <param name="Name">The name.</param>
/// <param name="Body">The body, with defaults for what was left out.</param>
/// <param name="Key">Under which key the request may be repeated; null for none.</param>
internal readonly record struct Command<T>(string Name, T Body, KeyedRequest? Key) : IEndpointParameterMetadataProvider
    where T : class, ICheckedRequest
{
    public static async ValueTask<Command<T>> BindAsync(HttpContext context)
    {
        var errors = new RequestErrors();
        string name = NameInPath.Read(context, errors);
        (T body, KeyedRequest? key) = await CommandBody.ReadAsync<T>(context, errors);
        return new(name, body, key);
    }

    public static void PopulateMetadata(ParameterInfo parameter, EndpointBuilder builder) => CommandBody.Describe<T>(builder);
}

/// <summary>A request that says everything in its body; a handler never sees an invalid one.</summary>
/// <param name="Body">The body, with defaults for what was left out.</param>
/// <param name="Key">Under which key the request may be repeated; null for none.</param>
internal readonly record struct NamelessCommand<T>(T Body, KeyedRequest? Key) : IEndpointParameterMetadataProvider
    where T : class, ICheckedRequest
{
    public static async ValueTask<NamelessCommand<T>> BindAsync(HttpContext context)
    {
        (T body, KeyedRequest? key) = await CommandBody.ReadAsync<T>(context, new RequestErrors());
        return new(body, key);
    }

    public static void PopulateMetadata(ParameterInfo parameter, EndpointBuilder builder) => CommandBody.Describe<T>(builder);
}

/// <summary>What commands have in common: a body, and perhaps a key.</summary>
internal static class CommandBody
{
    /// <exception cref="ProblemException">Something is wrong with the body, or was with what had been read before.</exception>
    internal static async ValueTask<(T Body, KeyedRequest? Key)> ReadAsync<T>(HttpContext context, RequestErrors errors)
        where T : class, ICheckedRequest
    {
        using IncrementalHash? digest = context.Request.Headers.ContainsKey(IdempotencyKey.Header)
            ? IncrementalHash.CreateHash(HashAlgorithmName.SHA256)
            : null;
        T body = await RequestBody<T>.ReadAsync(context.Request, digest, errors, context.RequestAborted);
        return errors.None
            ? (body, digest is null ? null : IdempotencyKey.Read(context, digest))
            : throw new ProblemException(new InvalidRequest(errors));
    }

    internal static void Describe<T>(EndpointBuilder builder)
        where T : class, ICheckedRequest => builder.Metadata.Add(new CommandMetadata(typeof(T), RequestBody<T>.IsOptional));
}

/// <summary>
/// Tells the document what body an endpoint takes. The framework's own metadata would also make routing refuse requests by their
/// Content-Type, those without a body included, which <c>curl -d ''</c> labels as a form.
/// </summary>
/// <param name="Body">The body's type.</param>
/// <param name="IsOptional">Whether every member of it has a default.</param>
internal sealed record CommandMetadata(Type Body, bool IsOptional);
