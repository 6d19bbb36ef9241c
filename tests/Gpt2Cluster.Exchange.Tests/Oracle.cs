using Gpt2Cluster.Core.Reduction;

namespace Gpt2Cluster.Exchange.Tests;

/// <summary>The averaging as DESIGN states it, element by element and without any cleverness.</summary>
internal static class Oracle
{
    /// <summary>
    /// The value of one element of one leaf: fractions whose sums round, so that a wrong order shows.
    /// </summary>
    public static float Leaf(int seed, long step, int leaf, long element, bool isBFloat16)
    {
        var mixed = ((ulong)seed * 0x9E3779B97F4A7C15) ^ ((ulong)step * 0xC2B2AE3D27D4EB4F);
        mixed ^= ((ulong)leaf + 1) * 0x165667B19E3779F9;
        mixed ^= ((ulong)element + 1) * 0xD6E8FEB86659FD93;
        mixed = (mixed ^ (mixed >> 29)) * 0xBF58476D1CE4E5B9;
        mixed ^= mixed >> 32;
        var value = ((int)(mixed & 0xFFFFFF) - 0x7FFFFF) / 1000f;
        return isBFloat16 ? Widen(Narrow(value)) : value;
    }

    /// <summary>The upper half of a float.</summary>
    public static ushort Narrow(float value) => (ushort)(BitConverter.SingleToUInt32Bits(value) >> 16);

    /// <summary>The sum over a subtree.</summary>
    public static float Sum(int leafCount, Subtree subtree, Func<int, float> leaf)
    {
        if (subtree.Level == 0)
            return leaf(subtree.Index);
        var left = new Subtree(subtree.Level - 1, 2 * subtree.Index);
        var right = new Subtree(subtree.Level - 1, (2 * subtree.Index) + 1);
        var sum = Sum(leafCount, left, leaf);
        return right.FirstLeaf < leafCount ? sum + Sum(leafCount, right, leaf) : sum;
    }

    /// <summary>The average of one element.</summary>
    public static float Average(int leafCount, Func<int, float> leaf)
    {
        var level = 0;
        while (1 << level < leafCount)
            level++;
        return Sum(leafCount, new Subtree(level, 0), leaf) / leafCount;
    }

    private static float Widen(ushort bits) => BitConverter.UInt32BitsToSingle((uint)bits << 16);
}
