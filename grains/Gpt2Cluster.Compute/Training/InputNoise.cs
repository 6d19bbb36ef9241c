using Gpt2Cluster.Core.Randomness;

namespace Gpt2Cluster.Compute.Training;

/// <summary>Replaces input tokens by uniform random ones; targets stay.</summary>
internal static class InputNoise
{
    /// <summary>Replaces each token with the given probability.</summary>
    /// <param name="tokens">Changed in place.</param>
    /// <param name="probability">0 to 1.</param>
    /// <param name="vocabularySize">Random tokens are below it.</param>
    /// <param name="seed">The run's.</param>
    /// <param name="step">The step.</param>
    /// <param name="microBatch">The micro-batch within the step.</param>
    public static void Apply(
        Span<int> tokens, double probability, int vocabularySize, ulong seed, long step, int microBatch)
    {
        if (probability <= 0)
            return;
        var whether = new RandomStream(seed, RandomPurpose.Noise, step, microBatch);
        var which = new RandomStream(seed, RandomPurpose.NoiseToken, step, microBatch);
        for (var index = 0; index < tokens.Length; index++)
        {
            if (whether.Unit(index) < probability)
                tokens[index] = which.Below(index, vocabularySize);
        }
    }
}
