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
        using IncrementalHash? digest = context.Request.Headers.ContainsKey(IdempotencyKey.Header)
            ? IncrementalHash.CreateHash(HashAlgorithmName.SHA256)
            : null;
        T body = await RequestBody<T>.ReadAsync(context.Request, digest, errors, context.RequestAborted);
        return errors.None ? new(name, body, digest is null ? null : IdempotencyKey.Read(context, digest)) : throw new ProblemException(new InvalidRequest(errors));
    }

    public static void PopulateMetadata(ParameterInfo parameter, EndpointBuilder builder) =>
        builder.Metadata.Add(new CommandMetadata(typeof(T), RequestBody<T>.IsOptional));
}

/// <summary>
/// Tells the document what body an endpoint takes. The framework's own metadata would also make routing refuse requests by their
/// Content-Type, those without a body included, which <c>curl -d ''</c> labels as a form.
/// </summary>
/// <param name="Body">The body's type.</param>
/// <param name="IsOptional">Whether every member of it has a default.</param>
internal sealed record CommandMetadata(Type Body, bool IsOptional);
