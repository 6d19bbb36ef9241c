using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Names;

namespace Gpt2Cluster.Core.Specification;

/// <summary>What a run starts from.</summary>
/// <param name="Name">As it was given: a name in the store, <c>run:NAME</c> or <c>scratch:PRESET</c>.</param>
/// <param name="Shape">The shape it has.</param>
/// <param name="Sha256">
/// SHA-256 of the stored weights, or the state hash of the run's checkpoint, lower-case hexadecimal; null for
/// <c>scratch:</c>.
/// </param>
/// <param name="Step">For <c>run:NAME</c>: the step of its checkpoint at submission; null for others.</param>
/// <param name="Vocabulary">
/// The vocabulary's hash, lower-case hexadecimal, where texts are not made of OpenAI's tokens; else null.
/// </param>
public sealed record ModelReference(
    string Name, ModelShape Shape, string? Sha256 = null, long? Step = null, string? Vocabulary = null) : StoredRecord
{
    /// <summary>What names of runs begin with where a model's name is expected.</summary>
    public const string RunPrefix = "run:";

    /// <summary>What names of fresh weights begin with.</summary>
    public const string ScratchPrefix = "scratch:";

    /// <summary>Whether the weights are drawn from the seed.</summary>
    public bool IsScratch => Name.StartsWith(ScratchPrefix, StringComparison.Ordinal);

    /// <summary>The run whose checkpoint it is; null if it is something else.</summary>
    /// <exception cref="UserErrorException">What follows the prefix is no run's name.</exception>
    public RunName? BaseRun =>
        Name.StartsWith(RunPrefix, StringComparison.Ordinal) ? RunName.Parse(Name[RunPrefix.Length..]) : null;
}
