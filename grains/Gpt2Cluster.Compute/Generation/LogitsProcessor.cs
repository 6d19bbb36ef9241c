using Gpt2Cluster.Core.Ports;

namespace Gpt2Cluster.Compute.Generation;

/// <summary>
/// Changes logits by what a text already holds, before temperature and cuts, in the order and by the definitions of
/// Hugging Face's <c>generate</c>: repetition penalty (Keskar et al. 2019, CTRL;
/// <c>RepetitionPenaltyLogitsProcessor</c>, over prompt and text), <c>NoRepeatNGramLogitsProcessor</c>,
/// <c>MinNewTokensLengthLogitsProcessor</c>. What is no token of the vocabulary is never drawn.
/// </summary>
internal sealed class LogitsProcessor(GenerationRequest request, int vocabularySize)
{
    private readonly float[] changed = new float[vocabularySize];
    private readonly HashSet<int> seen = [];

    /// <summary>Whether a request asks for any of it.</summary>
    public static bool IsAskedFor(GenerationRequest request) =>
        request.RepetitionPenalty != 1 || request.NoRepeatNgram > 0
        || (request.MinLength > 0 && request.StopToken is not null) || request.NeverDrawn.Count > 0;

    /// <summary>The logits as they are to be drawn from: minus infinity for what must not come.</summary>
    /// <param name="logits">V numbers, which stay as they are.</param>
    /// <param name="position">0 for the first token after the prompt.</param>
    /// <param name="tokens">Prompt and text so far.</param>
    /// <returns>Valid until the next call.</returns>
    public ReadOnlySpan<float> Apply(ReadOnlySpan<float> logits, int position, IReadOnlyList<int> tokens)
    {
        logits.CopyTo(changed);
        if (request.RepetitionPenalty != 1)
            Penalize(tokens);
        if (request.NoRepeatNgram > 0)
            ForbidRepeatedNgrams(request.NoRepeatNgram, tokens);
        Forbid(request.NeverDrawn);
        if (position < request.MinLength && request.StopToken is { } stop && stop < vocabularySize)
            changed[stop] = float.NegativeInfinity;

        // With all forbidden, nothing could be drawn: then no rule counts but that of what is no token.
        if (!changed.AsSpan().ContainsAnyExcept(float.NegativeInfinity))
        {
            logits.CopyTo(changed);
            Forbid(request.NeverDrawn);
        }

        return changed;
    }

    private void Forbid(IReadOnlyList<int> tokens)
    {
        foreach (var token in tokens)
        {
            if (token < vocabularySize)
                changed[token] = float.NegativeInfinity;
        }
    }

    private void Penalize(IReadOnlyList<int> tokens)
    {
        var penalty = (float)request.RepetitionPenalty;
        seen.Clear();
        foreach (var token in tokens)
        {
            if (token < vocabularySize && seen.Add(token))
                changed[token] = changed[token] < 0 ? changed[token] * penalty : changed[token] / penalty;
        }
    }

    /// <summary>Forbids what would make the last n tokens some n that are there already.</summary>
    private void ForbidRepeatedNgrams(int n, IReadOnlyList<int> tokens)
    {
        var begun = tokens.Count - (n - 1);
        for (var start = 0; start < begun; start++)
        {
            var isSame = true;
            for (var offset = 0; offset < n - 1 && isSame; offset++)
                isSame = tokens[start + offset] == tokens[begun + offset];
            if (isSame && tokens[start + n - 1] < vocabularySize)
                changed[tokens[start + n - 1]] = float.NegativeInfinity;
        }
    }
}
