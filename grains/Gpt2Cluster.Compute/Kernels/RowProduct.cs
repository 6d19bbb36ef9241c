using Gpt2Cluster.Compute.Devices;
using Gpt2Cluster.Compute.Memory;

namespace Gpt2Cluster.Compute.Kernels;

/// <summary>
/// Products of a few rows on a processor, in fp32: every weight is read once, for all rows, in the order it lies in
/// memory.
/// </summary>
/// <typeparam name="TRow">What rows are held in.</typeparam>
/// <typeparam name="TWeight">What the big matrix is held in.</typeparam>
/// <typeparam name="TResult">What results are held in.</typeparam>
/// <param name="weight">The matrix, which it disposes.</param>
/// <param name="use">How it lies.</param>
/// <param name="space">Room for the rows; one product uses it at a time.</param>
/// <param name="team">Shares the outputs.</param>
internal sealed class RowProduct<TRow, TWeight, TResult>(
    Matrix weight, RowProductUse use, WideRows space, ThreadTeam team) : IRowProduct
    where TRow : struct, IElement
    where TWeight : struct, IElement
    where TResult : struct, IElement
{
    private const int LeastOutputsPerThread = 64;

    private readonly bool fillsVectors = weight.Columns % 8 == 0
        && (use == RowProductUse.Head || weight.Rows % 8 == 0);

    /// <inheritdoc/>
    public long Bytes => weight.Bytes;

    /// <inheritdoc/>
    public void Multiply(Matrix x, Matrix y)
    {
        if (fillsVectors)
            space.Take<TRow>(x);
        else
            space.Take<AnyLength<TRow>>(x);
        if (use == RowProductUse.Layer)
            SumColumns(y);
        else
            DotRows(y);
    }

    /// <inheritdoc/>
    public void Dispose() => weight.Dispose();

    /// <summary>Each thread adds up some columns.</summary>
    private void SumColumns(Matrix y)
    {
        const int BlockColumns = ColumnSums<TWeight, TResult>.BlockColumns;
        var blocks = (weight.Columns + BlockColumns - 1) / BlockColumns;
        team.For(blocks, LeastOutputsPerThread / BlockColumns, (from, to) =>
        {
            if (fillsVectors)
                ColumnSums<TWeight, TResult>.Multiply(space, weight, y, from, to);
            else
                ColumnSums<AnyLength<TWeight>, AnyLength<TResult>>.Multiply(space, weight, y, from, to);
        });
    }

    /// <summary>Each thread takes some rows of the matrix.</summary>
    private void DotRows(Matrix y)
    {
        team.For(weight.Rows, LeastOutputsPerThread, (from, to) =>
        {
            if (fillsVectors)
                RowDots<TWeight, TResult>.Multiply(space, weight, y, from, to);
            else
                RowDots<AnyLength<TWeight>, TResult>.Multiply(space, weight, y, from, to);
        });
    }
}
