using System.Collections.Concurrent;
using Gpt2Cluster.Core.Memory;
using Gpt2Cluster.Core.Reduction;

namespace Gpt2Cluster.Exchange.Averaging;

/// <summary>
/// Adds up what several workers of this silo contribute to stripes that other silos reduce, so that one sum leaves
/// instead of one a worker. Each sum has a buffer as long as the gradient, of which only those stripes are used.
/// </summary>
/// <param name="layout">How the gradient is cut.</param>
/// <param name="tree">The order of summation.</param>
/// <param name="pool">Where sums under way live.</param>
/// <param name="sums">The sums to make (<see cref="SiloSums.Folded"/>) and where they go.</param>
internal sealed class SiloFold(
    StripeLayout layout,
    ReductionTree tree,
    StripePool pool,
    IReadOnlyList<(Subtree Subtree, FlatBuffer Buffer)> sums)
{
    private readonly ConcurrentDictionary<int, StripeTerms> terms = [];

    /// <summary>Whether a worker's sum is a part of a larger one that is made here.</summary>
    public bool Takes(Subtree subtree)
    {
        foreach (var (whole, _) in sums)
        {
            if (whole != subtree && tree.Contains(whole, subtree))
                return true;
        }

        return false;
    }

    /// <summary>
    /// Takes a part of a sum, and ownership of its pooled memory. The caller holds the lease of the plan's sums.
    /// </summary>
    /// <returns>
    /// The sum whose stripe this completed and where it lies; null if parts are missing, or of a repeat.
    /// </returns>
    public (Subtree Subtree, FlatBuffer Buffer)? Offer(int stripe, Subtree subtree, in StripeValue value)
    {
        var range = layout.Range(stripe);
        var waiting = terms.GetOrAdd(stripe, _ => new StripeTerms(tree, range.Count, pool));
        lock (waiting)
        {
            if (!waiting.Offer(subtree, value, out var additions))
                return null;
            foreach (var addition in additions)
            {
                if (BufferOf(addition.Parent) is { } buffer)
                {
                    waiting.Apply(addition, buffer.Floats(range.Start, range.Count));
                    return (addition.Parent, buffer);
                }

                waiting.Apply(addition);
            }

            return null;
        }
    }

    /// <summary>Forgets everything and gives pooled memory back. Nobody may be in the plan's lease.</summary>
    public void Clear()
    {
        foreach (var waiting in terms.Values)
            waiting.Clear();
        terms.Clear();
    }

    private FlatBuffer? BufferOf(Subtree subtree)
    {
        foreach (var (whole, buffer) in sums)
        {
            if (whole == subtree)
                return buffer;
        }

        return null;
    }
}
