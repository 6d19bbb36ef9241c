using Gpt2Cluster.Core;

namespace Gpt2Cluster.Fuzz.Targets;

/// <summary>All parsers that read what people, or other programs, bring.</summary>
internal static class ParserTargets
{
    /// <summary>How the names of those end that read through a process.</summary>
    public const string ProcessSuffix = "-process";

    /// <summary>All of them, in the order they are reported.</summary>
    public static IReadOnlyList<ParserTarget> All { get; } =
        [.. ModelTargets.All, .. RecordTargets.All, .. SourceTargets.All, .. DocumentTargets.All];

    /// <summary>Those of a name, or all.</summary>
    /// <exception cref="UserErrorException">There is none.</exception>
    public static IReadOnlyList<ParserTarget> Named(string name)
    {
        if (name == "all")
            return All;
        List<ParserTarget> found = [.. All.Concat(FaultyTargets.All).Where(target => target.Name == name)];
        return found.Count > 0 ? found : throw new UserErrorException($"There is no parser {name}; they are all, "
            + $"{string.Join(", ", All.Select(target => target.Name))}.");
    }

    /// <summary>A reader that throws <see cref="InvalidDataException"/>: who calls it makes the sentence.</summary>
    internal static void Sentence(Action read)
    {
        try
        {
            read();
        }
        catch (InvalidDataException error)
        {
            throw new UserErrorException($"It cannot be read: {error.Message.TrimEnd('.')}.", error);
        }
    }
}
