namespace Gpt2Cluster.Core.Specification;

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
