namespace LockService.Recipes;

/// <summary>A call that could not be carried out for reasons that lie in the service, not in what was asked.</summary>
public abstract class CoordinationException : Exception
{
    private protected CoordinationException(string message, Exception? inner = null)
        : base(message, inner)
    {
    }
}

/// <summary>ZooKeeper could not be asked in time. Nothing was done.</summary>
public sealed class StoreUnavailableException : CoordinationException
{
    internal StoreUnavailableException(string message, Exception? inner = null)
        : base(message, inner)
    {
    }
}

/// <summary>The answer of ZooKeeper was lost, and could not be found out in time: what was asked may have happened or not.</summary>
public sealed class EffectUnknownException : CoordinationException
{
    internal EffectUnknownException(string message, Exception? inner = null)
        : base(message, inner)
    {
    }
}

/// <summary>This instance is shutting down and takes no new work. Nothing was done; another instance will do it.</summary>
public sealed class DrainingException : CoordinationException
{
    internal DrainingException()
        : base("This instance is shutting down.")
    {
    }
}

/// <summary>This instance serves as many waiters as it may. Nothing was done.</summary>
public sealed class TooManyWaitersException : CoordinationException
{
    internal TooManyWaitersException(int limit)
        : base($"This instance already serves {limit} waiters, which is its limit.")
    {
    }
}

/// <summary>The queue has as many messages as its settings allow. Nothing was done.</summary>
public sealed class QueueFullException : CoordinationException
{
    internal QueueFullException(string name, int maxLength)
        : base($"The queue '{name}' is full: it may have {maxLength} messages.")
    {
    }
}

/// <summary>The node at the name's place is not of the expected kind. Nothing was done.</summary>
public sealed class WrongKindException : CoordinationException
{
    internal WrongKindException(string message)
        : base(message)
    {
    }
}

/// <summary>The key was used for another request, which was carried out. Nothing was done for this one.</summary>
public sealed class IdempotencyMismatchException : CoordinationException
{
    internal IdempotencyMismatchException()
        : base("This key was used for another request.")
    {
    }
}

/// <summary>The same request under the same key is being served. Nothing was done for this one.</summary>
public sealed class IdempotencyInProgressException : CoordinationException
{
    internal IdempotencyInProgressException()
        : base("The first request with this key is still being served.")
    {
    }
}
