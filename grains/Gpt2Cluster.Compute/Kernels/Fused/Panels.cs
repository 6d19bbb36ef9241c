using System.Runtime.Intrinsics;
using Gpt2Cluster.Compute.Memory;

namespace Gpt2Cluster.Compute.Kernels.Fused;

/// <summary>The right operand of a product, in panels of 64 columns.</summary>
internal unsafe interface IPanels
{
    /// <summary>Packs the panel that starts at a column: (depth / 2, 64, 2).</summary>
    void Pack(int column, ushort* into);

    /// <summary>Sums the panel's columns where somebody wants that; once for each panel.</summary>
    void Sum(int column);

    /// <summary>Asks for part <paramref name="part"/> of <paramref name="parts"/> of what packing will read.</summary>
    void Prefetch(int column, int part, int parts);
}

/// <summary>Columns of a weight (I, O): the depth is I.</summary>
internal readonly unsafe struct ColumnPanels(Matrix weight) : IPanels
{
    /// <inheritdoc/>
    public void Pack(int column, ushort* into) => Packing.Interleave(
        (ushort*)weight.Pointer + column, weight.Columns, weight.Rows, weight.Rows, FusedLinear.TileColumns, into);

    /// <inheritdoc/>
    public void Sum(int column)
    {
        // A weight's sums are of no use.
    }

    /// <inheritdoc/>
    public void Prefetch(int column, int part, int parts)
    {
        var (from, to) = (weight.Rows * part / parts, weight.Rows * (part + 1) / parts);
        Lanes.Prefetch((ushort*)weight.Row(from) + column, weight.Columns, to - from);
    }
}

/// <summary>Rows of a weight (I, O): the depth is O.</summary>
internal readonly unsafe struct RowPanels(Matrix weight) : IPanels
{
    /// <inheritdoc/>
    public void Pack(int column, ushort* into) => Packing.InterleaveTransposed(
        (ushort*)weight.Row(column),
        weight.Columns,
        FusedLinear.TileColumns,
        FusedLinear.TileColumns,
        weight.Columns,
        into);

    /// <inheritdoc/>
    public void Sum(int column)
    {
        // A weight's sums are of no use.
    }

    /// <inheritdoc/>
    public void Prefetch(int column, int part, int parts)
    {
        // Whole rows, which the processor foresees itself.
    }
}

/// <summary>Columns of a gradient (N, O), whose sums are the bias's gradient: the depth is N, padded.</summary>
internal readonly unsafe struct GradientPanels(Matrix dy, int depth, Matrix dbias) : IPanels
{
    // Rows of a partial sum, as in RowSumKernel.
    private const int BlockRows = 32;

    /// <inheritdoc/>
    public void Pack(int column, ushort* into) => Packing.Interleave(
        (ushort*)dy.Pointer + column, dy.Columns, dy.Rows, depth, FusedLinear.TileColumns, into);

    /// <inheritdoc/>
    /// <remarks>Blocks of rows first, then the blocks in order.</remarks>
    public void Sum(int column)
    {
        for (var lane = column; lane < column + FusedLinear.TileColumns; lane += Lanes.Count)
        {
            var total = Vector512<float>.Zero;
            for (var block = 0; block < dy.Rows; block += BlockRows)
            {
                var part = Vector512<float>.Zero;
                for (var row = block; row < Math.Min(dy.Rows, block + BlockRows); row++)
                    part += Lanes.Load((ushort*)dy.Row(row) + lane);
                total += part;
            }

            Lanes.Store((ushort*)dbias.Pointer + lane, total);
        }
    }

    /// <inheritdoc/>
    public void Prefetch(int column, int part, int parts)
    {
        var (from, to) = (dy.Rows * part / parts, dy.Rows * (part + 1) / parts);
        Lanes.Prefetch((ushort*)dy.Row(from) + column, dy.Columns, to - from);
    }
}
