namespace Gpt2Cluster.Core.Reduction;

/// <summary>What a worker does with one leaf's gradient.</summary>
/// <param name="Leaf">The micro-batch.</param>
/// <param name="Addends">
/// Buffers to add on the left of the gradient, in this order: <c>sum = gradient</c>, then <c>sum = buffer + sum</c> for
/// each.
/// Element-wise, so it may be done range by range.
/// </param>
/// <param name="Target">
/// The buffer the sum is written to: the last of <paramref name="Addends"/>, in place, or an unused one if there are
/// none.
/// </param>
/// <param name="Result">The canonical name of the sum.</param>
/// <param name="IsContribution">True if the sum is finished here and goes to the reducers; false if it is held.</param>
public sealed record FoldStep(
    int Leaf, IReadOnlyList<int> Addends, int Target, Subtree Result, bool IsContribution);

/// <summary>
/// How a worker folds the gradients of its contiguous leaves into the canonical tree's sums: a binary counter of flat
/// buffers. Buffer <c>i</c> below <c>Contributions.Count</c> ends as contribution <c>i</c> and is not touched again
/// after that; the buffers behind hold sums for a while.
/// </summary>
public sealed class FoldPlan
{
    private FoldPlan(IReadOnlyList<Subtree> contributions, IReadOnlyList<FoldStep> steps, int bufferCount)
    {
        Contributions = contributions;
        Steps = steps;
        BufferCount = bufferCount;
    }

    /// <summary>The subtrees the range completes, in leaf order.</summary>
    public IReadOnlyList<Subtree> Contributions { get; }

    /// <summary>One step for each leaf, ascending.</summary>
    public IReadOnlyList<FoldStep> Steps { get; }

    /// <summary>Buffers needed in all: the contributions and <see cref="MaxHeld"/> more.</summary>
    public int BufferCount { get; }

    /// <summary>
    /// Buffers that only hold sums for a while: at most the level of the largest contribution, less one.
    /// </summary>
    public int MaxHeld => BufferCount - Contributions.Count;

    /// <summary>Plans the leaves <paramref name="first"/> up to <paramref name="end"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The range leaves the tree.</exception>
    public static FoldPlan For(ReductionTree tree, int first, int end)
    {
        var contributions = tree.CoverRange(first, end);
        var steps = new List<FoldStep>();
        var held = new Stack<Subtree>();
        var bufferCount = contributions.Count;
        for (var index = 0; index < contributions.Count; index++)
        {
            var contribution = contributions[index];
            for (var leaf = contribution.FirstLeaf; leaf < contribution.EndLeaf(tree.LeafCount); leaf++)
            {
                steps.Add(Fold(tree, leaf, held, contribution, BufferAt));
                bufferCount = Math.Max(bufferCount, steps[^1].Target + 1);
            }

            // The sum of the lowest depth grows where the contribution must lie in the end.
            int BufferAt(int depth) => depth == 0 ? index : contributions.Count + depth - 1;
        }

        return new FoldPlan(contributions, steps, bufferCount);
    }

    private static FoldStep Fold(
        ReductionTree tree, int leaf, Stack<Subtree> held, Subtree contribution, Func<int, int> bufferAt)
    {
        var sum = tree.Leaf(leaf);
        var addends = new List<int>();
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
