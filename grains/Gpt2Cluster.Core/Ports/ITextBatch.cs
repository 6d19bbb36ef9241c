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

/// <summary>Texts of one request.</summary>
public static class TextGeneration
{
    /// <summary>Continues one request's prompt to the end of all its samples.</summary>
    /// <param name="replica">The model.</param>
    /// <param name="request">The request.</param>
    /// <param name="produced">Takes the tokens, in order of position, then sample.</param>
    /// <param name="cancellation">Ends it between two tokens.</param>
    /// <exception cref="ArgumentException">The request does not fit the model.</exception>
    public static void Generate(
        this IReplica replica,
        GenerationRequest request,
        Action<GeneratedToken> produced,
        CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(replica);
        ArgumentNullException.ThrowIfNull(produced);
        using var texts = replica.NewTexts();
        texts.Join(request, token =>
        {
            produced(token);
            return true;
        });
        while (texts.Count > 0)
        {
            cancellation.ThrowIfCancellationRequested();
            texts.Advance();
        }
    }
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

    /// <summary>A sample ends when this token is drawn; null never ends early.</summary>
    public int? StopToken { get; init; }
}

/// <summary>One token of one sample, in order of production.</summary>
/// <param name="Sample">Its number in the request: 0 to Count - 1.</param>
/// <param name="Position">0 for the first token after the prompt.</param>
/// <param name="Token">Its id.</param>
public readonly record struct GeneratedToken(int Sample, int Position, int Token);
