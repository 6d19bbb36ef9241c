using Gpt2Cluster.Compute.Kernels;
using Gpt2Cluster.Core.Randomness;

namespace Gpt2Cluster.Compute.Model;

/// <summary>What all blocks of one pass over the model have in common.</summary>
/// <param name="SequenceLength">T.</param>
/// <param name="Trains">Whether it is a pass of training: with dropout.</param>
/// <param name="KeepsGraph">Whether a backward pass will follow on these activations.</param>
/// <param name="DropoutProbability">0 for none.</param>
/// <param name="Seed">Keys the dropout masks, with the next two.</param>
/// <param name="Step">The step.</param>
/// <param name="MicroBatch">The micro-batch within the step.</param>
internal readonly record struct StepContext(
    int SequenceLength,
    bool Trains,
    bool KeepsGraph,
    double DropoutProbability,
    ulong Seed,
    long Step,
    int MicroBatch)
{
    /// <summary>A pass without gradients.</summary>
    public static StepContext ForEvaluation(int sequenceLength) => new(sequenceLength, false, false, 0, 0, 0, 0);

    /// <summary>The mask of one place; place 0 is the embedding, 1 attention's branch, 2 the MLP's.</summary>
    public Dropout DropoutAt(int layer, int place) => DropoutProbability == 0
        ? Dropout.None
        : new Dropout(
            DropoutProbability, new RandomStream(Seed, RandomPurpose.Dropout, Step, MicroBatch, layer, place));
}
