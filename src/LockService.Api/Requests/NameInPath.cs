using LockService.Api.Problems;
using LockService.Contracts;

namespace LockService.Api.Requests;

/// <summary>The name of a lock, counter or queue from the path; a handler never sees an invalid one.</summary>
internal readonly record struct NameInPath(string Name)
{
    internal const string Parameter = "name";

    public static ValueTask<NameInPath> BindAsync(HttpContext context)
    {
        var errors = new RequestErrors();
        string name = Read(context, errors);
        return errors.None ? new(new NameInPath(name)) : throw new ProblemException(new InvalidRequest(errors));
    }

    internal static string Read(HttpContext context, RequestErrors errors)
    {
        string name = (string)context.Request.RouteValues[Parameter]!;
        if (!ResourceNames.IsValid(name))
        {
            errors.Add(Parameter, ResourceNames.Rule);
        }

        return name;
    }
}
