namespace Gpt2Cluster.Core.Reduction;

/// <summary>What one silo adds up itself, before anything of it is sent.</summary>
public static class SiloSums
{
    /// <summary>
    /// The largest sums that the silo's workers complete together and none of them alone. Each worker contributes the
    /// largest subtrees of each of its ranges; those inside one of these sums need not leave the silo.
    /// </summary>
    /// <param name="tree">The order of summation.</param>
    /// <param name="ranges">The ranges of all workers of the silo: disjoint, in any order.</param>
    /// <returns>Their canonical names, in the order of their leaves.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A range leaves the tree.</exception>
    public static IReadOnlyList<Subtree> Folded(ReductionTree tree, IEnumerable<LeafRange> ranges)
    {
        var contributed = ranges.SelectMany(range => tree.CoverRange(range.First, range.End)).ToHashSet();
        var held = new HeldSubtrees(tree);
        foreach (var subtree in contributed)
            held.Offer(subtree, out _);
        return [.. held.Held.Except(contributed).OrderBy(subtree => subtree.FirstLeaf)];
    }
}
