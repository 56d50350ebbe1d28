namespace LockService.Recipes.Idempotency;

/// <summary>What became of an attempt to carry out a request.</summary>
/// <param name="Effect">What was done.</param>
/// <param name="Result">The answer; meaningless if <see cref="Effect.Collided"/>.</param>
internal readonly record struct KeyedAnswer<T>(Effect Effect, T Result);

/// <summary>What an attempt did.</summary>
internal enum Effect
{
    /// <summary>It was carried out; the record, if there is one, was created with it.</summary>
    Done,

    /// <summary>It was refused and changed nothing.</summary>
    Refused,

    /// <summary>It changed nothing, because its record could not be created.</summary>
    Collided,
}

/// <summary>Makes answers without naming their types.</summary>
internal static class KeyedAnswer
{
    internal static KeyedAnswer<T> Done<T>(T result) => new(Effect.Done, result);

    internal static KeyedAnswer<T> Refused<T>(T result) => new(Effect.Refused, result);

    internal static KeyedAnswer<T> Collided<T>() => new(Effect.Collided, default!);
}
