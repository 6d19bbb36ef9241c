using Gpt2Cluster.Core.Memory;
using Gpt2Cluster.Core.Reduction;
using Gpt2Cluster.Exchange.Links;

namespace Gpt2Cluster.Exchange.Averaging;

/// <summary>
/// Where the sums of one plan lie: whole ones in buffers, by reference, and single stripes that were received or made
/// in pooled memory. A newer generation plans the step again, and the workers then write other sums into the same
/// buffers: what belongs to the plan before must be out of use by then. The lock of the run guards it.
/// </summary>
/// <param name="tree">Knows the sums' names.</param>
/// <param name="layout">How the gradient is cut.</param>
/// <param name="use">Entered by whoever reads a buffer, or makes an addition for the plan.</param>
internal sealed class PlanMemory(ReductionTree tree, StripeLayout layout, Lease use)
{
    private readonly Dictionary<Subtree, FlatBuffer> buffers = [];
    private readonly Dictionary<(int Stripe, Subtree Subtree), StripeValue> pooled = [];

    /// <summary>Entered by whoever reads a buffer, or makes an addition for the plan.</summary>
    public Lease Use => use;

    /// <summary>M.</summary>
    public int LeafCount => tree.LeafCount;

    /// <summary>The buffer of a sum.</summary>
    public FlatBuffer this[Subtree subtree] => buffers[subtree];

    /// <summary>A buffer holds a sum, or will; false if another one does.</summary>
    public bool TryAdd(Subtree subtree, FlatBuffer buffer)
    {
        var node = tree.Normalize(subtree);
        return buffers.TryAdd(node, buffer) || buffers[node] == buffer;
    }

    /// <summary>Takes a stripe of a sum, and ownership of its memory.</summary>
    public void Add(int stripe, Subtree subtree, in StripeValue value) =>
        pooled.Add((stripe, tree.Normalize(subtree)), value);

    /// <summary>Gives a stripe of a sum out, with the ownership of pooled memory.</summary>
    public StripeValue Take(int stripe, Subtree subtree)
    {
        if (pooled.Remove((stripe, subtree), out var value))
            return value;
        return StripeValue.In(buffers[subtree], layout.Range(stripe));
    }

    /// <summary>Gives the pooled memory of a stripe of a sum back, if it lies there.</summary>
    public void Discard(int stripe, Subtree subtree)
    {
        if (pooled.Remove((stripe, subtree), out var value))
            value.Release();
    }

    /// <summary>Gives all pooled memory back.</summary>
    public void Clear()
    {
        foreach (var value in pooled.Values)
            value.Release();
        pooled.Clear();
    }
}
