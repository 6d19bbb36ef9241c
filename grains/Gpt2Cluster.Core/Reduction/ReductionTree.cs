namespace Gpt2Cluster.Core.Reduction;

/// <summary>
/// The canonical tree over the <c>M</c> micro-batches of a step: it alone decides in which order gradients are added,
/// so that the bits of the average do not depend on who computed what.
/// </summary>
/// <remarks>
/// A node whose right child has no leaves passes its left child through, so several nodes can name one sum. The highest
/// of them is the canonical name; every method here takes any name and returns canonical ones.
/// </remarks>
public readonly record struct ReductionTree
{
    /// <summary>Lays out the tree.</summary>
    /// <param name="leafCount">M, micro-batches of a step: 1 or more.</param>
    public ReductionTree(int leafCount)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(leafCount, 1);
        LeafCount = leafCount;
        var level = 0;
        while (1L << level < leafCount)
            level++;
        Root = new Subtree(level, 0);
    }

    /// <summary>M.</summary>
    public int LeafCount { get; }

    /// <summary>The sum over all leaves.</summary>
    public Subtree Root { get; }

    /// <summary>The canonical name of micro-batch <paramref name="index"/>'s gradient.</summary>
    public Subtree Leaf(int index) => Normalize(new Subtree(0, index));

    /// <summary>Whether it is a node that covers a leaf of this tree.</summary>
    public bool Has(Subtree subtree) =>
        subtree.Level >= 0 && subtree.Level <= Root.Level && subtree.Index >= 0
        && (long)subtree.Index << subtree.Level < LeafCount;

    /// <summary>The highest node that covers the same leaves.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The node covers no leaf of this tree.</exception>
    public Subtree Normalize(Subtree subtree)
    {
        if (!Has(subtree))
            throw new ArgumentOutOfRangeException(nameof(subtree), $"{subtree} is no node over {LeafCount} leaves.");
        while (subtree.Level < Root.Level && CoversTheSame(subtree, Above(subtree)))
            subtree = Above(subtree);
        return subtree;
    }

    /// <summary>The smallest sum that the subtree is one of two terms of; null for the root.</summary>
    public Subtree? Parent(Subtree subtree)
    {
        var node = Normalize(subtree);
        return node == Root ? null : Normalize(Above(node));
    }

    /// <summary>The two terms of a sum, left first; null for a single leaf.</summary>
    public (Subtree Left, Subtree Right)? Children(Subtree subtree)
    {
        var node = Normalize(subtree);
        while (node.Level > 0)
        {
            var right = new Subtree(node.Level - 1, (2 * node.Index) + 1);
            var left = new Subtree(node.Level - 1, 2 * node.Index);
            if (right.FirstLeaf < LeafCount)
                return (left, right);
            node = left;
        }

        return null;
    }

    /// <summary>The other term of the parent's sum; null for the root.</summary>
    public Subtree? Sibling(Subtree subtree)
    {
        if (Parent(subtree) is not { } parent || Children(parent) is not var (left, right))
            return null;
        return Normalize(subtree) == left ? right : left;
    }

    /// <summary>Whether every leaf of <paramref name="inner"/> is one of <paramref name="outer"/>.</summary>
    public bool Contains(Subtree outer, Subtree inner) =>
        outer.FirstLeaf <= inner.FirstLeaf && inner.EndLeaf(LeafCount) <= outer.EndLeaf(LeafCount);

    /// <summary>
    /// The largest subtrees that the leaves <paramref name="first"/> up to <paramref name="end"/> complete, in the
    /// order of their leaves: what a worker with that range contributes. Leaves beyond M count as complete.
    /// </summary>
    /// <param name="first">The first leaf, 0 to M.</param>
    /// <param name="end">
    /// The leaf after the last, <paramref name="first"/> to M; an empty range completes nothing.
    /// </param>
    public IReadOnlyList<Subtree> CoverRange(int first, int end)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(first);
        ArgumentOutOfRangeException.ThrowIfLessThan(end, first);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(end, LeafCount);
        var cover = new List<Subtree>();
        for (var leaf = first; leaf < end; leaf = cover[^1].EndLeaf(LeafCount))
            cover.Add(LargestFrom(leaf, end));
        return cover;
    }

    private Subtree LargestFrom(int leaf, int end)
    {
        var node = Leaf(leaf);
        while (Parent(node) is { } parent && parent.FirstLeaf == leaf && parent.EndLeaf(LeafCount) <= end)
            node = parent;
        return node;
    }

    private bool CoversTheSame(Subtree a, Subtree b) =>
        a.FirstLeaf == b.FirstLeaf && a.EndLeaf(LeafCount) == b.EndLeaf(LeafCount);

    private static Subtree Above(Subtree subtree) => new(subtree.Level + 1, subtree.Index >> 1);
}
