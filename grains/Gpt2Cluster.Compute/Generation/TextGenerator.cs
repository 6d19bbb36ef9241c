using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Ports;

namespace Gpt2Cluster.Compute.Generation;

/// <summary>Answers one request for text: the prompt once, then all samples together, token by token.</summary>
internal sealed class TextGenerator(Decoder decoder, ModelShape shape)
{
    /// <summary>Produces the tokens in order of position, then sample.</summary>
    /// <exception cref="ArgumentException">The request does not fit the model.</exception>
    public void Run(GenerationRequest request, Action<GeneratedToken> produced, CancellationToken cancellation)
    {
        Check(request);
        var drawable = Math.Min(request.TokenCount ?? shape.VocabularySize, shape.VocabularySize);
        var sampler = new Sampler(request, drawable);
        var tokens = new int[request.Count];
        var ended = new bool[request.Count];
        var logits = decoder.Start(request.Prompt, request.Count, request.Prompt.Count + request.Length);
        for (var position = 0; position < request.Length && ended.Contains(false); position++)
        {
            cancellation.ThrowIfCancellationRequested();
            if (position > 0)
                logits = decoder.Continue(tokens);
            for (var sample = 0; sample < request.Count; sample++)
            {
                if (ended[sample])
                    continue;
                tokens[sample] = sampler.Draw(logits.Row(sample)[..drawable], sample, position);
                ended[sample] = tokens[sample] == request.StopToken;
                produced(new GeneratedToken(sample, position, tokens[sample]));
            }
        }
    }

    private void Check(GenerationRequest request)
    {
        if (request.Prompt.Count == 0 || request.Length < 1 || request.Count < 1)
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
    }
}
