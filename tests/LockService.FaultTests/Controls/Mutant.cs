using LockService.FaultTests.Nemeses;

namespace LockService.FaultTests.Controls;

/// <summary>
/// The service with one of its guards removed on purpose. A suite that finds nothing wrong with it has not looked there, whatever it says about
/// the real one. The product has no switches for this: a mutant is a change of its sources, made in a copy.
/// </summary>
internal sealed record Mutant
{
    /// <summary>How to ask for it, and what its folder is called: "marker-without-version".</summary>
    internal required string Name { get; init; }

    /// <summary>What the product does, and this one does not.</summary>
    internal required string Guard { get; init; }

    /// <summary>What makes the difference.</summary>
    internal required IReadOnlyList<Edit> Edits { get; init; }

    /// <summary>The checker that must find it, or how the names of those begin of which one must; others may as well.</summary>
    internal required string Checker { get; init; }

    /// <summary>
    /// Faults that provoke what the guard is there for, each with its weight. Default: freezes of about a lease, for guards that are needed all the time.
    /// </summary>
    internal IReadOnlyList<(INemesis Nemesis, int Weight)> Nemeses { get; init; } = [(InstanceNemeses.FreezeBriefly, 1)];

    /// <summary>Makes the changes in memory.</summary>
    /// <param name="read">The text of a file, by its path in the repository.</param>
    /// <returns>The changed texts, by path.</returns>
    /// <exception cref="InvalidOperationException">
    /// A text to be replaced is not there exactly once: the product has changed, and the mutant has to follow.
    /// </exception>
    internal IReadOnlyDictionary<string, string> Apply(Func<string, string> read)
    {
        var changed = new Dictionary<string, string>();
        foreach (Edit edit in Edits)
        {
            string text = changed.TryGetValue(edit.File, out string? known) ? known : read(edit.File);
            int found = text.Split(edit.Original).Length - 1;
            if (found != 1)
            {
                throw new InvalidOperationException($"Mutant {Name}: its text is {found} times in {edit.File}, and not once:\n{edit.Original}");
            }

            changed[edit.File] = text.Replace(edit.Original, edit.Replacement, StringComparison.Ordinal);
        }

        return changed;
    }
}

/// <summary>A replacement in one source file.</summary>
/// <param name="File">Its path in the repository.</param>
/// <param name="Original">The text that goes; it must be there exactly once.</param>
/// <param name="Replacement">What comes instead.</param>
internal readonly record struct Edit(string File, string Original, string Replacement);
