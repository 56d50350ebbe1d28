using System.Reflection;
using System.Text.RegularExpressions;
using LockService.Api.Problems;
using LockService.Contracts;
using LockService.Recipes;
using Microsoft.AspNetCore.Http.Metadata;

namespace LockService.Api.Requests;

/// <summary>Which messages of a queue are to be shown.</summary>
/// <param name="State">In which state.</param>
/// <param name="Limit">1 to 1000 messages.</param>
/// <param name="After">The id of the message behind which the page begins; empty for the first page.</param>
internal readonly partial record struct MessageQuery(MessageState State, int Limit, string After) : IEndpointParameterMetadataProvider
{
    internal const string StateParameter = "state";

    /// <summary>What a message's id looks like; empty for none.</summary>
    internal const string Pattern = "^([0-9a-f]{16}-[0-9]-[0-9]{1,19}(-[0-9]{1,19})?)?$";

    /// <summary>The states in the words of the contract.</summary>
    internal static readonly IReadOnlyList<string> States = ["ready", "delayed", "leased", "dead"];

    public static ValueTask<MessageQuery> BindAsync(HttpContext context)
    {
        IQueryCollection query = context.Request.Query;
        var errors = new RequestErrors();
        var found = new MessageQuery(ReadState(query, errors), PageQuery.ReadLimit(query, errors), ReadAfter(query, errors));
        return errors.None ? new(found) : throw new ProblemException(new InvalidRequest(errors));
    }

    public static void PopulateMetadata(ParameterInfo parameter, EndpointBuilder builder) =>
        builder.Metadata.Add(new QueryMetadata([StateParameter, PageQuery.LimitParameter, PageQuery.AfterParameter]));

    private static MessageState ReadState(IQueryCollection query, RequestErrors errors)
    {
        int state = States.ToList().IndexOf(PageQuery.ReadOne(query, StateParameter, errors) ?? States[0]);
        if (state < 0)
        {
            errors.Add(StateParameter, "must be ready, delayed, leased or dead.");
        }

        return (MessageState)Math.Max(0, state);
    }

    private static string ReadAfter(IQueryCollection query, RequestErrors errors)
    {
        string after = PageQuery.ReadOne(query, PageQuery.AfterParameter, errors) ?? "";
        if (!MessageId().IsMatch(after))
        {
            errors.Add(PageQuery.AfterParameter, "must be the id of a message.");
        }

        return after;
    }

    [GeneratedRegex(Pattern + "(?!\\n)")]
    private static partial Regex MessageId();
}
