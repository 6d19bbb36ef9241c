using Gpt2Cluster.Core.Reduction;

namespace Gpt2Cluster.Grains.Workers;

/// <summary>How far a worker is with the micro-batches of a step; whole micro-batches only.</summary>
/// <param name="step">The step.</param>
/// <param name="ranges">Its micro-batches, in the order they are computed.</param>
internal sealed class StepProgress(long step, IReadOnlyList<LeafRange> ranges)
{
    /// <summary>The step.</summary>
    public long Step => step;

    /// <summary>The micro-batches, in the order they are computed.</summary>
    public IReadOnlyList<LeafRange> Ranges => ranges;

    /// <summary>Mean loss of each micro-batch that is computed and folded, in that order, nats per token.</summary>
    public List<double> Losses { get; } = [];

    /// <summary>The micro-batches that are computed and folded.</summary>
    public IEnumerable<int> Computed => ranges.Leaves().Take(Losses.Count);

    /// <summary>
    /// Takes over what an interrupted plan has left, if this one gives the same micro-batches of the same step first.
    /// </summary>
    public bool ContinuesFrom(StepProgress before)
    {
        if (before.Step != step || !ranges.BeginsWith([.. before.Ranges]))
            return false;
        Losses.AddRange(before.Losses);
        return true;
    }
}
