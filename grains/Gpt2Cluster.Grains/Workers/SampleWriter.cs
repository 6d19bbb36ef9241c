using Gpt2Cluster.Contracts.Workers;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Specification;
using Gpt2Cluster.Data.Tokens;

namespace Gpt2Cluster.Grains.Workers;

/// <summary>
/// Draws a run's samples: a function of the parameters, the specification and the step alone. Used on the compute
/// thread.
/// </summary>
internal sealed class SampleWriter(RunSpecification specification)
{
    private readonly Lazy<Gpt2Tokenizer> tokenizer = new(() => new Gpt2Tokenizer());

    /// <summary>
    /// Draws the samples of a plan, one after the other, so that each has the same bits whoever draws it.
    /// </summary>
    /// <returns>The texts, prompt included unless it is end-of-text.</returns>
    public string[] Draw(IReplica replica, SamplePlan plan, CancellationToken cancellation)
    {
        var texts = new string[plan.EndSample - plan.FirstSample];
        for (var index = 0; index < texts.Length; index++)
            texts[index] = DrawOne(replica, plan.Step, plan.FirstSample + index, cancellation);
        return texts;
    }

    private string DrawOne(IReplica replica, long step, int index, CancellationToken cancellation)
    {
        FaultPoints.Reach(FaultPoint.Sampling, step);
        var sampling = specification.Sampling;
        List<int> tokens = sampling.Prompt.Length == 0 ? [] : [.. sampling.PromptTokens];
        var request = new GenerationRequest
        {
            Prompt = sampling.PromptTokens,
            Length = sampling.Length,
            Temperature = sampling.Temperature,
            TopK = sampling.TopK,
            TopP = sampling.TopP,
            Seed = SampleSeed(specification.Seed, index),
            Step = step,
            TokenCount = Gpt2Vocabulary.Count,
        };
        replica.Generate(request, produced => tokens.Add(produced.Token), cancellation);
        return tokenizer.Value.Decode(tokens);
    }

    /// <summary>
    /// A seed of its own for each sample of a step: the golden-ratio increment keeps neighbours apart.
    /// </summary>
    private static ulong SampleSeed(ulong seed, int index) => unchecked(seed + (0x9E3779B97F4A7C15UL * (ulong)index));
}
