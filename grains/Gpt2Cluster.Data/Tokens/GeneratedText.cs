using System.Text;

namespace Gpt2Cluster.Data.Tokens;

/// <summary>
/// A text that a model writes, as its tokens come: whole characters only, without the end-of-text token or any other
/// that no text is made of, up to a stop text.
/// </summary>
/// <param name="vocabulary">What the tokens stand for.</param>
/// <param name="stops">Texts of which the first that comes ends it; none is empty.</param>
public sealed class GeneratedText(Gpt2Vocabulary vocabulary, IReadOnlyList<string> stops)
{
    private readonly StreamingDecoder decoder = new(vocabulary);
    private readonly StopMatcher matcher = new(stops);
    private readonly StringBuilder text = new();

    /// <summary>Whether a stop text ended it.</summary>
    public bool IsStopped => matcher.IsFound;

    /// <summary>Takes a token.</summary>
    /// <returns>What may be shown now; may be empty.</returns>
    public string Add(int token) => vocabulary.IsText(token) ? Say(matcher.Add(decoder.Add(token))) : "";

    /// <summary>The end: no token follows.</summary>
    /// <returns>What was held back.</returns>
    public string Finish() => Say(matcher.Add(decoder.Finish()) + matcher.Finish());

    /// <summary>All that may be shown so far.</summary>
    public override string ToString() => text.ToString();

    private string Say(string piece)
    {
        text.Append(piece);
        return piece;
    }
}
