using Gpt2Cluster.Core.Reduction;

namespace Gpt2Cluster.Exchange.Averaging;

/// <summary>
/// What this silo's workers contribute to a step under one plan, by reference. A newer generation plans the step again,
/// and the workers then write other sums into the same buffers: what belongs to the plan before must be out of use by
/// then.
/// </summary>
internal sealed class PlannedSums(int generation, StripeLayout layout, ReductionTree tree, SiloFold fold)
{
    /// <summary>The generation of the plan.</summary>
    public int Generation => generation;

    /// <summary>The sums so far.</summary>
    public LocalSums Locals { get; } = new(layout, tree);

    /// <summary>Adds the workers' sums up before they are sent.</summary>
    public SiloFold Fold => fold;

    /// <summary>Held by whoever reads a worker's buffer, or adds to sums that may lie in one.</summary>
    public Lease Use { get; } = new();
}
