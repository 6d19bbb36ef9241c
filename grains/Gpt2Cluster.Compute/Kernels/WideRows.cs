using Gpt2Cluster.Compute.Memory;

namespace Gpt2Cluster.Compute.Kernels;

/// <summary>A few rows in fp32, in memory that is kept from product to product: (S, K).</summary>
internal sealed unsafe class WideRows
{
    private float[] values = [];

    /// <summary>The rows, and some room behind them.</summary>
    public ReadOnlySpan<float> Values => values;

    /// <summary>Takes rows.</summary>
    /// <typeparam name="T">What they are held in.</typeparam>
    public void Take<T>(Matrix x)
        where T : struct, IElement
    {
        if (values.Length < (x.Rows * x.Columns) + 8)
            values = new float[(x.Rows * x.Columns) + 8];
        fixed (float* into = values)
        {
            for (var row = 0; row < x.Rows; row++)
            {
                // A last vector that is too long is overwritten by the next row.
                var target = (byte*)(into + (row * x.Columns));
                for (var i = 0; i < x.Columns; i += 8)
                    Float32Element.Store(target, i, x.Columns, T.Load(x.Row(row), i, x.Columns));
            }
        }
    }
}
