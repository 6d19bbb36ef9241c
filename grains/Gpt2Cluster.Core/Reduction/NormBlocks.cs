using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Gpt2Cluster.Core.Reduction;

/// <summary>
/// The global gradient norm in one fixed order: fp64 sums of squares over blocks of <see cref="BlockElements"/>, then
/// the blocks in order. Inside a block sixteen running sums take the elements in turn, whatever the machine's vectors
/// are.
/// </summary>
public static class NormBlocks
{
    /// <summary>Elements of a block; the last one of a gradient may be shorter.</summary>
    public const int BlockElements = 65_536;

    private const int LaneCount = 16;

    /// <summary>How many blocks a gradient of <paramref name="elementCount"/> elements has.</summary>
    public static int BlockCount(long elementCount) =>
        checked((int)((elementCount + BlockElements - 1) / BlockElements));

    /// <summary>The sum of squares of one block, at most <see cref="BlockElements"/> elements.</summary>
    public static double SumOfSquares(ReadOnlySpan<float> block)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(block.Length, BlockElements);
        Span<double> lanes = stackalloc double[LaneCount];
        AddRows(block, lanes);
        var tail = block[(block.Length - (block.Length % LaneCount))..];
        for (var lane = 0; lane < tail.Length; lane++)
            lanes[lane] += (double)tail[lane] * tail[lane];
        return Combine(lanes);
    }

    /// <summary>The norm from the sums of all blocks: added in order, then the root.</summary>
    public static double Norm(ReadOnlySpan<double> blockSums)
    {
        var total = 0.0;
        foreach (var sum in blockSums)
            total += sum;
        return Math.Sqrt(total);
    }

    // The square of an fp32 number is exact in fp64, so a fused multiply-add gives the same bits as two operations.
    private static void AddRows(ReadOnlySpan<float> block, Span<double> lanes)
    {
        Vector256<double> a = default, b = default, c = default, d = default;
        foreach (var (first, second) in MemoryMarshal.Cast<float, (Vector256<float>, Vector256<float>)>(block))
        {
            var (first0, first1) = Vector256.Widen(first);
            var (second0, second1) = Vector256.Widen(second);
            a += first0 * first0;
            b += first1 * first1;
            c += second0 * second0;
            d += second1 * second1;
        }

        a.CopyTo(lanes);
        b.CopyTo(lanes[4..]);
        c.CopyTo(lanes[8..]);
        d.CopyTo(lanes[12..]);
    }

    // Pairs at distance 8, 4, 2, 1: fixed.
    private static double Combine(Span<double> lanes)
    {
        for (var distance = LaneCount / 2; distance > 0; distance /= 2)
        {
            for (var lane = 0; lane < distance; lane++)
                lanes[lane] += lanes[lane + distance];
        }

        return lanes[0];
    }
}
