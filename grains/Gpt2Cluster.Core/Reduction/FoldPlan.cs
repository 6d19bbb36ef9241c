namespace Gpt2Cluster.Core.Reduction;

/// <summary>
/// One of a worker's flat buffers. The two kinds are numbered apart, so that a plan that grows gives no sum another
/// place.
/// </summary>
/// <param name="IsHeld">
/// True for a buffer that holds a sum for a while, false for one that ends as a contribution.
/// </param>
/// <param name="Index">From 0; of a contribution, its place among <see cref="FoldPlan.Contributions"/>.</param>
public readonly record struct FoldBuffer(bool IsHeld, int Index)
{
    /// <inheritdoc/>
    public override string ToString() => $"{(IsHeld ? "held" : "sum")}{Index}";
}

/// <summary>What a worker does with one leaf's gradient.</summary>
/// <param name="Leaf">The micro-batch.</param>
/// <param name="Addends">
/// Buffers to add on the left of the gradient, in this order: <c>sum = gradient</c>, then <c>sum = buffer + sum</c> for
/// each. Element-wise, so it may be done range by range.
/// </param>
/// <param name="Target">
/// The buffer the sum is written to: the last of <paramref name="Addends"/>, in place, or an unused one if there are
/// none.
/// </param>
/// <param name="Result">The canonical name of the sum.</param>
/// <param name="IsContribution">True if the sum is finished here and goes to the reducers; false if it is held.</param>
public sealed record FoldStep(
    int Leaf, IReadOnlyList<FoldBuffer> Addends, FoldBuffer Target, Subtree Result, bool IsContribution);

/// <summary>
/// How a worker folds the gradients of its leaves into the canonical tree's sums: a binary counter of flat buffers for
/// each contribution. A contribution's buffer is not touched again once its sum is finished.
/// </summary>
/// <remarks>
/// The plan of a longer list of ranges begins with the same steps in the same buffers, so that a worker goes on from
/// any leaf when its list grows.
/// </remarks>
public sealed class FoldPlan
{
    private FoldPlan(IReadOnlyList<Subtree> contributions, IReadOnlyList<FoldStep> steps, int heldCount)
    {
        Contributions = contributions;
        Steps = steps;
        HeldCount = heldCount;
    }

    /// <summary>The subtrees the ranges complete, in the order they are finished.</summary>
    public IReadOnlyList<Subtree> Contributions { get; }

    /// <summary>One step for each leaf, in the order of the ranges.</summary>
    public IReadOnlyList<FoldStep> Steps { get; }

    /// <summary>
    /// Buffers that only hold sums for a while: at most the level of the largest contribution, less one.
    /// </summary>
    public int HeldCount { get; }

    /// <summary>Plans the leaves of the ranges, one range after the other.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A range leaves the tree.</exception>
    public static FoldPlan For(ReductionTree tree, IEnumerable<LeafRange> ranges)
    {
        List<Subtree> contributions = [.. ranges.SelectMany(range => tree.CoverRange(range.First, range.End))];
        var steps = new List<FoldStep>();
        var held = new Stack<Subtree>();
        var heldCount = 0;
        for (var index = 0; index < contributions.Count; index++)
        {
            var contribution = contributions[index];
            for (var leaf = contribution.FirstLeaf; leaf < contribution.EndLeaf(tree.LeafCount); leaf++)
            {
                steps.Add(Fold(tree, leaf, held, contribution, BufferAt));
                heldCount = Math.Max(heldCount, held.Count - 1);
            }

            // The sum of the lowest depth grows where the contribution must lie in the end.
            FoldBuffer BufferAt(int depth) => depth == 0 ? new(false, index) : new(true, depth - 1);
        }

        return new FoldPlan(contributions, steps, heldCount);
    }

    private static FoldStep Fold(
        ReductionTree tree, int leaf, Stack<Subtree> held, Subtree contribution, Func<int, FoldBuffer> bufferAt)
    {
        var sum = tree.Leaf(leaf);
        var addends = new List<FoldBuffer>();
        while (sum != contribution && held.TryPeek(out var left) && tree.Sibling(sum) == left)
        {
            held.Pop();
            addends.Add(bufferAt(held.Count));
            sum = tree.Parent(sum)!.Value;
        }

        var target = bufferAt(held.Count);
        if (sum != contribution)
            held.Push(sum);
        return new FoldStep(leaf, addends, target, sum, sum == contribution);
    }
}
