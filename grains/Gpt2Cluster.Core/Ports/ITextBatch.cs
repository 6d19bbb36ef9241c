namespace Gpt2Cluster.Core.Ports;

/// <summary>
/// Texts that are decoded together, one token of each at a time. What becomes of a text is a function of the
/// parameters and its request alone, bit for bit, whatever else is decoded beside it. One thread uses it.
/// </summary>
public interface ITextBatch : IDisposable
{
    /// <summary>Texts that are not over.</summary>
    int Count { get; }

    /// <summary>
    /// Reads a request's prompt and draws the first token of its samples, which take part from then on.
    /// </summary>
    /// <param name="request">The request.</param>
    /// <param name="produced">Takes each token of its samples; false ends the sample.</param>
    /// <exception cref="ArgumentException">The request does not fit the model.</exception>
    void Join(GenerationRequest request, Func<GeneratedToken, bool> produced);

    /// <summary>Draws one more token of each text.</summary>
    void Advance();
}

/// <summary>A wish for text.</summary>
public sealed record GenerationRequest
{
    /// <summary>The tokens to continue, one or more; with <see cref="Length"/> at most the context.</summary>
    public required IReadOnlyList<int> Prompt { get; init; }

    /// <summary>Tokens to add to each sample, 1 or more.</summary>
    public required int Length { get; init; }

    /// <summary>How many samples, 1 or more; each has randomness of its own.</summary>
    public int Count { get; init; } = 1;

    /// <summary>The first sample's number, 0 and up; the others' follow. A number has its own randomness.</summary>
    public int FirstSample { get; init; }

    /// <summary>Divides the logits; 0 is greedy.</summary>
    public double Temperature { get; init; } = 1.0;

    /// <summary>Only the k likeliest tokens are drawn from; 0 for all.</summary>
    public int TopK { get; init; }

    /// <summary>
    /// Only the smallest set whose probability reaches p (the crossing token included); 0 or 1 for all.
    /// </summary>
    public double TopP { get; init; }

    /// <summary>
    /// Divides the logits of tokens that prompt or text already hold, multiplies negative ones (CTRL); above 0, 1 for
    /// none.
    /// </summary>
    public double RepetitionPenalty { get; init; } = 1.0;

    /// <summary>No sequence of so many tokens comes twice, the prompt's included; 0 for no such rule.</summary>
    public int NoRepeatNgram { get; init; }

    /// <summary><see cref="StopToken"/> is not drawn before a sample has so many tokens.</summary>
    public int MinLength { get; init; }

    /// <summary>Keys the draws, with <see cref="Step"/>, sample and position.</summary>
    public ulong Seed { get; init; }

    /// <summary>The step the sample belongs to; 0 outside a run.</summary>
    public long Step { get; init; }

    /// <summary>
    /// Only ids below this are drawn: those of a padded or enlarged vocabulary beyond stand for no text. Null draws
    /// from all the model has.
    /// </summary>
    public int? TokenCount { get; init; }

    /// <summary>
    /// Ids below <see cref="TokenCount"/> that are not drawn either: those that a vocabulary leaves out, and its
    /// special tokens.
    /// </summary>
    public IReadOnlyList<int> NeverDrawn { get; init; } = [];

    /// <summary>A sample ends when this token is drawn; null never ends early.</summary>
    public int? StopToken { get; init; }

    /// <summary>Whether a sample is over with this token of it.</summary>
    public bool EndsWith(GeneratedToken token) => token.Token == StopToken || token.Position + 1 >= Length;
}

/// <summary>One token of one sample, in order of production.</summary>
/// <param name="Sample">Its number, from the request's first one on.</param>
/// <param name="Position">0 for the first token after the prompt.</param>
/// <param name="Token">Its id.</param>
public readonly record struct GeneratedToken(int Sample, int Position, int Token);
