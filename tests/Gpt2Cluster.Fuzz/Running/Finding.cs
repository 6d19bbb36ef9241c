using System.Globalization;
using Gpt2Cluster.Fuzz.Targets;

namespace Gpt2Cluster.Fuzz.Running;

/// <summary>An input that a parser did not survive as it must.</summary>
/// <param name="Index">The input's number; -1 for one of the corpus.</param>
/// <param name="Kind">In one word: exception, sentence, slow, memory, hang, crash.</param>
/// <param name="Signature">What findings of one cause have in common.</param>
/// <param name="Words">What happened, for people.</param>
/// <param name="Input">The input, as short as it could be made; null where it must be made anew.</param>
internal sealed record Finding(long Index, string Kind, string Signature, string Words, byte[]? Input = null)
{
    /// <summary>
    /// Whether it is what the limits of a library's process are for: a file that the library does not come to an end
    /// with, or takes too much over, is refused by the process that waits for it.
    /// </summary>
    public bool IsLimited(ParserTarget target) =>
        target.Owner == Owner.Library && Kind is ("slow" or "memory" or "hang" or "crash");

    /// <summary>The command that shows it again.</summary>
    public string Command(string target, ulong seed) => string.Create(
        CultureInfo.InvariantCulture,
        $"dotnet run -c Release --project tests/Gpt2Cluster.Fuzz -- {target} --seed {seed} --from {Index} --count 1");
}
