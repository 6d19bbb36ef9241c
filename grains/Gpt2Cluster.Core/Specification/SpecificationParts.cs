using Gpt2Cluster.Core.Model;

namespace Gpt2Cluster.Core.Specification;

/// <summary>What a run starts from.</summary>
/// <param name="Name">As it was given: a name in the store, <c>run:NAME</c> or <c>scratch:PRESET</c>.</param>
/// <param name="Shape">The shape it has.</param>
/// <param name="Sha256">
/// SHA-256 of the stored weights, or the state hash of the run's checkpoint, lower-case hexadecimal; null for
/// <c>scratch:</c>.
/// </param>
/// <param name="Step">For <c>run:NAME</c>: the step of its checkpoint at submission; null for others.</param>
public sealed record ModelReference(string Name, ModelShape Shape, string? Sha256 = null, long? Step = null)
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

/// <summary>The tokens of a run.</summary>
/// <param name="Sha256">SHA-256 over the tokens as uint16 little endian, lower-case hexadecimal.</param>
/// <param name="TrainingTokenCount">Tokens to train on, from the first one on.</param>
/// <param name="ValidationTokenCount">Tokens to validate on; 0 for none.</param>
/// <param name="ValidationSha256">
/// The dataset of <c>--val-dataset</c>, all of which validates; null if the tokens behind the training tokens do.
/// </param>
public sealed record DatasetReference(
    string Sha256, long TrainingTokenCount, long ValidationTokenCount = 0, string? ValidationSha256 = null);

/// <summary>How many workers a run takes.</summary>
/// <param name="Min">It waits for this many, 1 or more.</param>
/// <param name="Max">It takes no more than these; null for all.</param>
public sealed record WorkerRange(int Min, int? Max);

/// <summary>What happens when a loss or the gradient norm is not finite.</summary>
public enum NanPolicy
{
    /// <summary>The step is not applied and the run stops, resumable.</summary>
    Stop,

    /// <summary>The step commits with parameters and moments unchanged; its windows count as used.</summary>
    Skip,
}

/// <summary>The samples a run draws of itself.</summary>
public sealed record SamplingOptions
{
    /// <summary>What <see cref="Length"/> is when nothing is said and the context allows it.</summary>
    public const int DefaultLength = 200;

    /// <summary><c>--sample-every</c>; 0: never.</summary>
    public long Every { get; init; } = 100;

    /// <summary><c>--sample-num</c>.</summary>
    public int Count { get; init; } = 1;

    /// <summary><c>--sample-length</c>, in tokens.</summary>
    public int Length { get; init; } = DefaultLength;

    /// <summary><c>--sample-prompt</c>; empty for end-of-text.</summary>
    public string Prompt { get; init; } = "";

    /// <summary>The prompt's tokens, one or more.</summary>
    public IReadOnlyList<int> PromptTokens { get; init; } = [50256];

    /// <summary><c>--top-k</c>; 0 for all.</summary>
    public int TopK { get; init; } = 40;

    /// <summary><c>--top-p</c>; 0 or 1 for all.</summary>
    public double TopP { get; init; }

    /// <summary><c>--temperature</c>; 0 is greedy.</summary>
    public double Temperature { get; init; } = 1.0;

    /// <summary>The length when nothing is said: <see cref="DefaultLength"/>, or what fits behind the prompt.</summary>
    public static int LengthThatFits(int contextLength, int promptLength) =>
        Math.Min(DefaultLength, contextLength - promptLength);
}
