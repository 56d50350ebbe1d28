using LockService.Api.Problems;
using LockService.Contracts;
using LockService.Recipes;

namespace LockService.Api.Requests;

/// <summary>The name of a lock, counter or queue from the path; a handler never sees an invalid one.</summary>
internal readonly record struct NameInPath(string Name)
{
    internal const string Parameter = "name";

    /// <summary>The same rule as <see cref="ResourceName.IsValid"/>, for the document.</summary>
    internal const string Pattern = "^[A-Za-z0-9_:@~-][A-Za-z0-9._:@~-]{0,199}$";

    public static ValueTask<NameInPath> BindAsync(HttpContext context)
    {
        var errors = new RequestErrors();
        string name = Read(context, errors);
        return errors.None ? new(new NameInPath(name)) : throw new ProblemException(new InvalidRequest(errors));
    }

    internal static string Read(HttpContext context, RequestErrors errors)
    {
        string name = (string)context.Request.RouteValues[Parameter]!;
        if (!ResourceName.IsValid(name))
        {
            errors.Add(Parameter, $"must have 1 to {ResourceName.MaxLength} characters of A-Z a-z 0-9 . _ : @ ~ - and must not begin with a dot.");
        }

        return name;
    }
}
