using Gpt2Cluster.Compute.Devices;
using Gpt2Cluster.Compute.Memory;

namespace Gpt2Cluster.Compute.Kernels;

/// <summary>
/// Sums over the rows of a matrix: blocks of <see cref="BlockRows"/> rows first, then the blocks in order. The block
/// size is fixed, so that neither vectors nor threads change the order of the additions.
/// </summary>
internal sealed unsafe class RowSumKernel<T>(ThreadTeam team)
    where T : struct, IElement
{
    /// <summary>Rows of a block.</summary>
    public const int BlockRows = 32;

    /// <summary><c>sums = </c> the sum of the rows of <paramref name="x"/>.</summary>
    public void Sum(Matrix x, Matrix sums)
    {
        var blocks = (x.Rows + BlockRows - 1) / BlockRows;
        var stride = Stride(x.Columns);
        var partial = new float[(long)blocks * stride];
        team.For(blocks, 1, (from, to) =>
        {
            for (var block = from; block < to; block++)
            {
                fixed (float* into = &partial[(long)block * stride])
                    SumBlock(x, block, (byte*)into);
            }
        });
        Combine(partial, blocks, sums);
    }

    /// <summary>Partial sums lie in rows of whole vectors.</summary>
    public static int Stride(int columns) => (columns + 7) / 8 * 8;

    /// <summary>Adds the blocks' sums in order.</summary>
    public static void Combine(float[] partial, int blocks, Matrix sums)
    {
        var (count, stride) = (sums.Columns, Stride(sums.Columns));
        fixed (float* first = partial)
        {
            for (var i = 0; i < count; i += 8)
            {
                var total = Float32Element.Load((byte*)first, i, count);
                for (var block = 1; block < blocks; block++)
                    total += Float32Element.Load((byte*)(first + ((long)block * stride)), i, count);
                T.Store(sums.Pointer, i, count, total);
            }
        }
    }

    private static void SumBlock(Matrix x, int block, byte* into)
    {
        var count = x.Columns;
        var end = Math.Min(x.Rows, (block + 1) * BlockRows);
        for (var row = block * BlockRows; row < end; row++)
        {
            var from = x.Row(row);
            for (var i = 0; i < count; i += 8)
            {
                var sum = Float32Element.Load(into, i, count) + T.Load(from, i, count);
                Float32Element.Store(into, i, count, sum);
            }
        }
    }
}
