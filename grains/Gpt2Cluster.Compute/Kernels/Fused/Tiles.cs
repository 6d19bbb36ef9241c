using System.Runtime.Intrinsics;

namespace Gpt2Cluster.Compute.Kernels.Fused;

/// <summary>Tiles of fp32 sums on their way into bf16 matrices.</summary>
internal static unsafe class Tiles
{
    /// <summary>
    /// Writes the transpose of (rows, columns) sums, the first <paramref name="count"/> columns of it.
    /// </summary>
    /// <param name="sums">(rows, columns), <paramref name="stride"/> apart; rows a multiple of sixteen.</param>
    /// <param name="stride">A multiple of sixteen.</param>
    /// <param name="rows">Columns of the result.</param>
    /// <param name="count">Rows of the result.</param>
    /// <param name="into">The result.</param>
    /// <param name="intoStride">Its distance between rows.</param>
    public static void StoreTransposed(
        float* sums, long stride, int rows, int count, ushort* into, long intoStride)
    {
        var block = stackalloc uint[Lanes.Count * Lanes.Count];
        for (var column = 0; column < count; column += Lanes.Count)
        {
            for (var row = 0; row < rows; row += Lanes.Count)
            {
                Packing.TransposeBlock((uint*)(sums + (row * stride) + column), stride, block, Lanes.Count);
                for (var i = 0; i < Math.Min(Lanes.Count, count - column); i++)
                {
                    var values = Vector512.Load(block + (i * Lanes.Count)).AsSingle();
                    Lanes.Store(into + ((column + i) * intoStride) + row, values);
                }
            }
        }
    }
}
