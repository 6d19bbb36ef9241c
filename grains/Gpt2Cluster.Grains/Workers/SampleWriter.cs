using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Core.Specification;
using Gpt2Cluster.Data.Tokens;
using Gpt2Cluster.Grains.Models;

namespace Gpt2Cluster.Grains.Workers;

/// <summary>
/// Draws a run's samples: a function of the parameters, the specification and the step alone. Used on the compute
/// thread.
/// </summary>
/// <param name="specification">The run's.</param>
/// <param name="own">The vocabulary of the model that the run began with; null for OpenAI's.</param>
internal sealed class SampleWriter(RunSpecification specification, Gpt2Vocabulary? own)
{
    // OpenAI's takes a moment to be read: that is when a first sample is drawn.
    private Gpt2Vocabulary Vocabulary => own ?? Gpt2Vocabulary.BuiltIn;

    /// <summary>
    /// Draws the samples of an order together; each has the same bits whoever draws it, and beside whichever others.
    /// </summary>
    /// <returns>The texts, prompt included unless it is end-of-text.</returns>
    public string[] Draw(IReplica replica, Sample order, CancellationToken cancellation)
    {
        var sampling = specification.Sampling;
        var prompts = sampling.Prompts();
        var samples = Enumerable.Range(order.Range.First, order.Range.Count)
            .Select(index => (Index: index, Prompt: prompts[index / sampling.Count])).ToList();
        var texts = samples.Select(_ => new GeneratedText(Vocabulary, sampling.Stops)).ToList();
        foreach (var _ in samples)
            FaultPoints.Reach(FaultPoint.Sampling, order.Step);
        replica.Generate(
            [.. samples.Select(sample => Request(order.Step, sample.Index, sample.Prompt.Tokens))],
            TextBound.AtOnce(
                specification.Model.Shape, prompts.Max(prompt => prompt.Tokens.Count) + sampling.Length),
            (index, token) =>
            {
                texts[index].Add(token.Token);
                return !texts[index].IsStopped;
            },
            cancellation);
        return
        [
            .. samples.Zip(texts, (sample, text) =>
            {
                text.Finish();
                return (sampling.IncludePrompt ? sample.Prompt.Text : "") + text;
            }),
        ];
    }

    private GenerationRequest Request(long step, int index, IReadOnlyList<int> prompt)
    {
        var sampling = specification.Sampling;
        return new GenerationRequest
        {
            Prompt = prompt,
            Length = sampling.Length,
            Temperature = sampling.Temperature,
            TopK = sampling.TopK,
            TopP = sampling.TopP,
            RepetitionPenalty = sampling.RepetitionPenalty,
            NoRepeatNgram = sampling.NoRepeatNgram,
            MinLength = sampling.MinLength,
            Seed = SampleSeed(specification.Seed, index),
            Step = step,
            TokenCount = Vocabulary.Count,
            NeverDrawn = Vocabulary.NeverDrawn,
            StopToken = sampling.IgnoreEndOfText ? null : Vocabulary.EndOfText,
        };
    }

    /// <summary>
    /// A seed of its own for each sample of a step: the golden-ratio increment keeps neighbours apart.
    /// </summary>
    private static ulong SampleSeed(ulong seed, int index) => unchecked(seed + (0x9E3779B97F4A7C15UL * (ulong)index));
}
