namespace Gpt2Cluster.Core.Specification;

/// <summary>The samples a run draws of itself.</summary>
public sealed record SamplingOptions : StoredRecord
{
    /// <summary>What <see cref="Length"/> is when nothing is said and the context allows it.</summary>
    public const int DefaultLength = 200;

    /// <summary><c>--sample-every</c>; 0: never.</summary>
    public long Every { get; init; } = 100;

    /// <summary><c>--sample-num</c>: samples of each prompt.</summary>
    public int Count { get; init; } = 1;

    /// <summary><c>--sample-length</c>, in tokens.</summary>
    public int Length { get; init; } = DefaultLength;

    /// <summary><c>--sample-prompt</c>; empty for end-of-text.</summary>
    public string Prompt { get; init; } = "";

    /// <summary>The prompt's tokens, one or more; the default is OpenAI's end-of-text.</summary>
    public IReadOnlyList<int> PromptTokens { get; init; } = [50256];

    /// <summary>More prompts, where <c>--sample-prompt</c> is repeated; their samples follow the first one's.</summary>
    public IReadOnlyList<SamplePrompt> MorePrompts { get; init; } = [];

    /// <summary><c>--sample-include-prefix</c>: whether a sample's text begins with its prompt.</summary>
    public bool IncludePrompt { get; init; } = true;

    /// <summary><c>--top-k</c>; 0 for all.</summary>
    public int TopK { get; init; } = 40;

    /// <summary><c>--top-p</c>; 0 or 1 for all.</summary>
    public double TopP { get; init; }

    /// <summary><c>--temperature</c>; 0 is greedy.</summary>
    public double Temperature { get; init; } = 1.0;

    /// <summary><c>--sample-repetition-penalty</c>, above 0; 1 is off.</summary>
    public double RepetitionPenalty { get; init; } = 1.0;

    /// <summary><c>--sample-no-repeat-ngram</c>; 0 is off.</summary>
    public int NoRepeatNgram { get; init; }

    /// <summary><c>--sample-min-length</c>: tokens before the end-of-text token may come.</summary>
    public int MinLength { get; init; }

    /// <summary><c>--sample-stop</c>: texts of which the first that comes ends a sample; none is empty.</summary>
    public IReadOnlyList<string> Stops { get; init; } = [];

    /// <summary><c>--sample-ignore-end-of-text</c>: samples go on behind that token.</summary>
    public bool IgnoreEndOfText { get; init; }

    /// <summary>Samples at a time, of all prompts.</summary>
    public int TotalCount => checked(Count * (1 + MorePrompts.Count));

    /// <summary>All prompts, in order.</summary>
    public IReadOnlyList<SamplePrompt> Prompts() => [new SamplePrompt(Prompt, PromptTokens), .. MorePrompts];

    /// <summary>The length when nothing is said: <see cref="DefaultLength"/>, or what fits behind the prompt.</summary>
    public static int LengthThatFits(int contextLength, int promptLength) =>
        Math.Min(DefaultLength, contextLength - promptLength);
}

/// <summary>What a sample begins with.</summary>
/// <param name="Text">As it was written; empty for end-of-text.</param>
/// <param name="Tokens">Its tokens, one or more.</param>
public sealed record SamplePrompt(string Text, IReadOnlyList<int> Tokens) : StoredRecord;
