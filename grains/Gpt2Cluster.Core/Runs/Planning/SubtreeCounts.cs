using System.Numerics;

namespace Gpt2Cluster.Core.Runs.Planning;

/// <summary>
/// How many subtrees ranges of leaves complete: the length of <see cref="Reduction.ReductionTree.CoverRange"/>, without
/// the list. Dividing work asks for about M^2 of them.
/// </summary>
public sealed class SubtreeCounts
{
    private readonly int leafCount;

    // For each leaf: the subtrees from it to the last leaf.
    private readonly int[] toLast;

    /// <summary>Prepares for trees of M leaves.</summary>
    /// <param name="leafCount">M, 1 or more.</param>
    public SubtreeCounts(int leafCount)
    {
        this.leafCount = leafCount;
        toLast = new int[leafCount + 1];
        for (var leaf = leafCount - 1; leaf > 0; leaf--)
            toLast[leaf] = 1 + toLast[(int)Math.Min(leafCount, leaf + (long)(leaf & -leaf))];
        toLast[0] = 1;
    }

    /// <summary>The subtrees of a range.</summary>
    /// <param name="first">The first leaf, 0 to M.</param>
    /// <param name="end">The leaf after the last, <paramref name="first"/> to M.</param>
    public int Of(int first, int end)
    {
        if (first == end)
            return 0;
        // Leaves beyond M count as complete.
        if (end == leafCount)
            return toLast[first];
        // Subtrees grow up to the boundary of the highest power of two in the range, and shrink from there on.
        var middle = end & (int)(uint.MaxValue << BitOperations.Log2((uint)(first ^ end)));
        return BitOperations.PopCount((uint)(middle - first)) + BitOperations.PopCount((uint)(end - middle));
    }
}
