namespace LockService.Contracts;

/// <summary>A request that can tell what is wrong with it, apart from its JSON types, which are checked when it is read.</summary>
public interface ICheckedRequest
{
    /// <summary>Adds everything that is wrong.</summary>
    void Check(RequestErrors errors);
}
