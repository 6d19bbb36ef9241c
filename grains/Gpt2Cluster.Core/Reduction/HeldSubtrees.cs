namespace Gpt2Cluster.Core.Reduction;

/// <summary>One addition of a reducer: <c>Parent = Left + Right</c>.</summary>
/// <param name="Left">The left term.</param>
/// <param name="Right">The right term.</param>
/// <param name="Parent">The sum.</param>
public readonly record struct Addition(Subtree Left, Subtree Right, Subtree Parent);

/// <summary>
/// Which sums a reducer holds for one stripe, and which additions they allow. Only names: whoever owns the numbers does
/// what it says. Contributions may come in any order, twice, or cut differently after a new generation; the root's bits
/// are the same.
/// </summary>
public class HeldSubtrees(ReductionTree tree)
{
    private readonly HashSet<Subtree> held = [];

    /// <summary>Whether the root is here.</summary>
    public bool IsComplete => held.Contains(tree.Root);

    /// <summary>The canonical names of the sums that are here.</summary>
    public virtual IReadOnlyCollection<Subtree> Held => held;

    /// <summary>Takes a contribution.</summary>
    /// <param name="subtree">What arrived, under any of its names.</param>
    /// <param name="additions">
    /// What to add now, in this order; after an addition its terms are no longer needed. Terms that the contribution
    /// supersedes are dropped without an addition.
    /// </param>
    /// <returns>False if all its leaves are held already: the contribution is a repeat and is not needed.</returns>
    public virtual bool Offer(Subtree subtree, out IReadOnlyList<Addition> additions)
    {
        var made = new List<Addition>();
        additions = made;
        var node = tree.Normalize(subtree);
        var covering = tree;
        if (held.Any(outer => covering.Contains(outer, node)))
            return false;
        held.RemoveWhere(inner => covering.Contains(node, inner));
        while (tree.Sibling(node) is { } sibling && held.Remove(sibling))
        {
            var parent = tree.Parent(node)!.Value;
            made.Add(node.FirstLeaf < sibling.FirstLeaf ? new(node, sibling, parent) : new(sibling, node, parent));
            node = parent;
        }

        held.Add(node);
        return true;
    }
}
