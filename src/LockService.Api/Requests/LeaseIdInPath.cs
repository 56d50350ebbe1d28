using LockService.Api.Problems;
using LockService.Contracts;

namespace LockService.Api.Requests;

/// <summary>The lease id from the path. Whatever is at most as long as one is looked for, so that strangers learn nothing of their form.</summary>
internal readonly record struct LeaseIdInPath(string LeaseId)
{
    internal const string Parameter = "leaseId";

    public static ValueTask<LeaseIdInPath> BindAsync(HttpContext context)
    {
        var errors = new RequestErrors();
        var leaseId = (string)context.Request.RouteValues[Parameter]!;
        errors.RequireLeaseId(Parameter, leaseId);
        return errors.None ? new(new LeaseIdInPath(leaseId)) : throw new ProblemException(new InvalidRequest(errors));
    }

    /// <summary>The path of a request as it may be written to logs: without a lease id.</summary>
    internal static string PathForLogs(HttpContext context) =>
        context.Request.RouteValues.ContainsKey(Parameter) && context.GetEndpoint() is RouteEndpoint route
            ? route.RoutePattern.RawText!
            : context.Request.Path;

    /// <summary>Hides the secret.</summary>
    public override string ToString() => "a lease";
}
