using Gpt2Cluster.Core.Ports;

namespace Gpt2Cluster.Compute.Generation;

/// <summary>One text of a <see cref="TextBatch"/>: what it holds so far, and how it goes on.</summary>
/// <param name="request">The request it is a sample of.</param>
/// <param name="sampler">Draws its tokens, and no other text's.</param>
/// <param name="cache">Its keys and values, which it disposes.</param>
/// <param name="sample">Its number in the request.</param>
/// <param name="produced">Takes its tokens and says whether it goes on.</param>
internal sealed class DecodedText(
    GenerationRequest request, Sampler sampler, KeyValueCache cache, int sample, Func<GeneratedToken, bool> produced)
    : IDisposable
{
    private readonly List<int> tokens = [.. request.Prompt];

    /// <summary>Its keys and values.</summary>
    public KeyValueCache Cache => cache;

    /// <summary>The token drawn last; the prompt's last one before that.</summary>
    public int LastToken => tokens[^1];

    /// <summary>Whether nothing follows.</summary>
    public bool IsOver { get; private set; }

    /// <summary>Draws the next token, which <see cref="Take"/> must take. Texts may draw at the same time.</summary>
    /// <param name="logits">V numbers: those behind the last token.</param>
    public int Draw(ReadOnlySpan<float> logits) =>
        sampler.Draw(logits, sample, tokens.Count - request.Prompt.Count, tokens);

    /// <summary>Goes on with a token.</summary>
    public void Take(int token)
    {
        var drawn = new GeneratedToken(sample, tokens.Count - request.Prompt.Count, token);
        tokens.Add(token);
        IsOver = !produced(drawn) || request.EndsWith(drawn);
    }

    /// <inheritdoc/>
    public void Dispose() => cache.Dispose();
}
