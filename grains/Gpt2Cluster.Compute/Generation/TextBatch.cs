using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Ports;
using static TorchSharp.torch;

namespace Gpt2Cluster.Compute.Generation;

/// <summary>
/// Texts that are decoded together: a request's texts join at any token, one that is over leaves (continuous batching,
/// Yu et al. 2022).
/// </summary>
/// <param name="decoder">Makes logits of tokens.</param>
/// <param name="shape">The model's shape.</param>
/// <param name="ended">Called once when the batch is disposed.</param>
internal sealed class TextBatch(Decoder decoder, ModelShape shape, Action ended) : ITextBatch
{
    private readonly List<DecodedText> texts = [];
    private bool isDisposed;

    private delegate ReadOnlySpan<float> Logits(int text);

    /// <inheritdoc/>
    public int Count => texts.Count;

    /// <inheritdoc/>
    public void Join(GenerationRequest request, Func<GeneratedToken, bool> produced)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(produced);
        ObjectDisposedException.ThrowIf(isDisposed, this);
        Check(request);
        using var mode = no_grad();
        var tokenCount = Math.Min(request.TokenCount ?? int.MaxValue, shape.VocabularySize);
        var positionCount = request.Prompt.Count + request.Length;
        var joining = new List<DecodedText>();
        try
        {
            for (var index = 0; index < request.Count; index++)
            {
                var (sampler, cache) = (new Sampler(request, tokenCount), decoder.NewCache(positionCount));
                joining.Add(new DecodedText(request, sampler, cache, request.FirstSample + index, produced));
            }

            var logits = decoder.Start(request.Prompt, [.. joining.Select(text => text.Cache)]);
            Draw(joining, _ => logits.Row(0));
        }
        catch
        {
            joining.ForEach(text => text.Dispose());
            throw;
        }

        texts.AddRange(joining);
        LetGo();
    }

    /// <inheritdoc/>
    public void Advance()
    {
        ObjectDisposedException.ThrowIf(isDisposed, this);
        using var mode = no_grad();
        foreach (var some in texts.Chunk(decoder.MostTexts))
        {
            var logits = decoder.Continue(
                [.. some.Select(text => text.Cache)], some.Select(text => text.LastToken).ToArray());
            Draw(some, logits.Row);
        }

        LetGo();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (isDisposed)
            return;
        isDisposed = true;
        texts.ForEach(text => text.Dispose());
        ended();
    }

    /// <summary>All draw on whatever thread is free; then their tokens are told in order.</summary>
    private void Draw(IReadOnlyList<DecodedText> some, Logits logits)
    {
        var drawn = new int[some.Count];
        decoder.Team.ForEach(some.Count, (_, text) => drawn[text] = some[text].Draw(logits(text)));
        for (var text = 0; text < some.Count; text++)
            some[text].Take(drawn[text]);
    }

    private void LetGo()
    {
        foreach (var over in texts.Where(text => text.IsOver))
            over.Dispose();
        texts.RemoveAll(text => text.IsOver);
    }

    private void Check(GenerationRequest request)
    {
        if (request.Prompt.Count == 0 || request is not { Length: > 0, Count: > 0, FirstSample: >= 0 })
            throw new ArgumentException("A prompt of one token, a length of one and one sample are the least.");
        if (request.Prompt.Count + request.Length > shape.ContextLength)
        {
            throw new ArgumentException(
                $"A prompt of {request.Prompt.Count} and a length of {request.Length} tokens together leave the "
                + $"context of {shape.ContextLength}.");
        }

        if (request.Prompt.Any(token => token < 0 || token >= shape.VocabularySize))
            throw new ArgumentException($"The prompt holds a token outside the vocabulary of {shape.VocabularySize}.");
        if (request.TokenCount < 1)
            throw new ArgumentException("At least one token has to be there to draw.");
        if (request.Temperature < 0 || request.TopK < 0 || request.TopP is < 0 or > 1)
            throw new ArgumentException("Temperature, top-k and top-p cannot be negative, and top-p is at most 1.");
        if (!(request.RepetitionPenalty > 0) || request.NoRepeatNgram < 0 || request.MinLength < 0)
        {
            throw new ArgumentException(
                "The repetition penalty must be above 0, and no-repeat-ngram and min-length cannot be negative.");
        }
    }
}
