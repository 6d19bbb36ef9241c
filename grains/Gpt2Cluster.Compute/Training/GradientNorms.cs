using Gpt2Cluster.Compute.Devices;
using Gpt2Cluster.Core.Memory;
using Gpt2Cluster.Core.Reduction;

namespace Gpt2Cluster.Compute.Training;

/// <summary>The Euclidean norm of a gradient in Core's fixed order, its blocks spread over the threads.</summary>
internal static class GradientNorms
{
    /// <summary>The norm of the first <paramref name="length"/> elements.</summary>
    public static double Of(FlatBuffer averages, long length, ThreadTeam team)
    {
        var sums = new double[NormBlocks.BlockCount(length)];
        team.For(sums.Length, 1, (from, to) =>
        {
            var widened = new float[NormBlocks.BlockElements];
            for (var block = from; block < to; block++)
            {
                var start = (long)block * NormBlocks.BlockElements;
                var count = (int)Math.Min(NormBlocks.BlockElements, length - start);
                sums[block] = NormBlocks.SumOfSquares(Values(averages, start, count, widened));
            }
        });
        return NormBlocks.Norm(sums);
    }

    private static ReadOnlySpan<float> Values(FlatBuffer averages, long start, int count, float[] widened)
    {
        if (averages.ElementType == ElementType.Float32)
            return averages.Floats(start, count);
        VectorSum.Widen(averages.BFloat16Bits(start, count), widened.AsSpan(0, count));
        return widened.AsSpan(0, count);
    }
}
