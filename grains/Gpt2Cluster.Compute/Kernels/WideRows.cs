using Gpt2Cluster.Compute.Memory;

namespace Gpt2Cluster.Compute.Kernels;

/// <summary>A few rows in fp32, in memory that is kept from product to product.</summary>
internal sealed unsafe class WideRows
{
    private const int CacheLineFloats = 16;

    private float[] values = [];

    /// <summary>The rows, those that fill them up, and some room behind them: (Sp, <see cref="Stride"/>).</summary>
    public ReadOnlySpan<float> Values => values;

    /// <summary>
    /// From row to row: K and some more. Rows a multiple of 4,096 bytes apart would be in each other's way in the
    /// first-level cache, which keeps eight of them.
    /// </summary>
    public int Stride { get; private set; }

    /// <summary>Sp: one row, or the number of rows filled up to fours by rows of zeros.</summary>
    public int PaddedRows { get; private set; }

    /// <summary>Takes rows: (S, K).</summary>
    /// <typeparam name="T">What they are held in.</typeparam>
    public void Take<T>(Matrix x)
        where T : struct, IElement
    {
        PaddedRows = x.Rows == 1 ? 1 : (x.Rows + 3) / 4 * 4;
        Stride = ((x.Columns / CacheLineFloats) + 1) * CacheLineFloats;
        if (values.Length < PaddedRows * Stride)
            values = new float[PaddedRows * Stride];
        fixed (float* into = values)
        {
            for (var row = 0; row < x.Rows; row++)
            {
                // A last vector that is too long ends before the next row.
                var target = (byte*)(into + (row * Stride));
                for (var i = 0; i < x.Columns; i += 8)
                    Float32Element.Store(target, i, x.Columns, T.Load(x.Row(row), i, x.Columns));
            }
        }

        values.AsSpan(x.Rows * Stride, (PaddedRows - x.Rows) * Stride).Clear();
    }
}
