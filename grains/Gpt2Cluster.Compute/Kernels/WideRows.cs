using Gpt2Cluster.Compute.Memory;

namespace Gpt2Cluster.Compute.Kernels;

/// <summary>A few rows in fp32, in memory that is kept from product to product: (S, K).</summary>
internal sealed unsafe class WideRows
{
    /// <summary>Rows whose numbers lie side by side where they are <see cref="Interleaved"/>.</summary>
    public const int RowsTogether = 4;

    private float[] values = [];
    private float[] interleaved = [];

    /// <summary>The rows, and some room behind them.</summary>
    public ReadOnlySpan<float> Values => values;

    /// <summary>
    /// A single row as it is; more in fours, of each four the first input's numbers, then the second's: (Sp / 4, K, 4)
    /// with Sp <see cref="PaddedRows"/>.
    /// </summary>
    public ReadOnlySpan<float> Interleaved => PaddedRows == 1 ? values : interleaved;

    /// <summary>One, or the number of rows filled up to fours by rows of zeros.</summary>
    public int PaddedRows { get; private set; }

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

    /// <summary>Takes rows to be read <see cref="Interleaved"/>.</summary>
    /// <typeparam name="T">What they are held in.</typeparam>
    public void Interleave<T>(Matrix x)
        where T : struct, IElement
    {
        Take<T>(x);
        PaddedRows = x.Rows == 1 ? 1 : (x.Rows + RowsTogether - 1) / RowsTogether * RowsTogether;
        if (PaddedRows == 1)
            return;
        if (interleaved.Length < PaddedRows * x.Columns)
            interleaved = new float[PaddedRows * x.Columns];
        for (var row = 0; row < PaddedRows; row++)
        {
            var into = interleaved.AsSpan(row / RowsTogether * RowsTogether * x.Columns);
            var from = row < x.Rows ? values.AsSpan(row * x.Columns, x.Columns) : default;
            for (var column = 0; column < x.Columns; column++)
                into[(column * RowsTogether) + (row % RowsTogether)] = row < x.Rows ? from[column] : 0;
        }
    }
}
