using System.Runtime.Intrinsics;
using Gpt2Cluster.Compute.Devices;
using Gpt2Cluster.Compute.Memory;

namespace Gpt2Cluster.Compute.Kernels.Int8;

/// <summary>
/// Products of a few rows with weights of eight bits: integers are multiplied and added exactly, so the sums are the
/// same on every machine and for any number of rows; scales come behind.
/// </summary>
/// <typeparam name="TRow">What the rows are held in.</typeparam>
/// <typeparam name="TResult">What the results are held in.</typeparam>
/// <param name="weights">The matrix, which it disposes.</param>
/// <param name="space">Room for the rows' integers; one product uses it at a time.</param>
/// <param name="team">Shares the outputs.</param>
internal sealed unsafe class Int8Product<TRow, TResult>(Int8Weights weights, Int8Rows space, ThreadTeam team)
    : IRowProduct
    where TRow : struct, IElement
    where TResult : struct, IElement
{
    private const int LeastBlocksPerThread = 2;
    private const int RowsAtOnce = 16;

    private readonly Int8Sums sums = Int8Kernel.Best;

    /// <inheritdoc/>
    public long Bytes => weights.Bytes;

    /// <inheritdoc/>
    public void Multiply(Matrix x, Matrix y)
    {
        if (x.Columns % 8 == 0)
            space.Take<TRow>(x);
        else
            space.Take<AnyLength<TRow>>(x);
        team.For(weights.Blocks, LeastBlocksPerThread, (from, to) =>
        {
            for (var block = from; block < to; block++)
            {
                for (var row = 0; row < x.Rows; row += RowsAtOnce)
                    Multiply(block, row, Math.Min(RowsAtOnce, x.Rows - row), y);
            }
        });
    }

    /// <inheritdoc/>
    public void Dispose() => weights.Dispose();

    private void Multiply(int block, int first, int count, Matrix y)
    {
        var integers = stackalloc int[RowsAtOnce * Int8Weights.BlockOutputs];
        fixed (short* rows = space.Values)
            sums(rows + (first * space.Stride), space.Stride, count, weights.Block(block), weights.Pairs, integers);
        for (var row = 0; row < count; row++, integers += Int8Weights.BlockOutputs)
            Scale(integers, block, space.Scales[first + row], y.Row(first + row));
    }

    private void Scale(int* integers, int block, float scale, byte* into)
    {
        var first = block * Int8Weights.BlockOutputs;
        var end = Math.Min(first + Int8Weights.BlockOutputs, weights.Outputs);
        for (var output = first; output < end; output += 8)
        {
            var sum = Vector256.ConvertToSingle(
                Vector256.Load(integers + output - first));
            var factor = Vector256.Load(weights.Scales + output) * scale;
            AnyLength<TResult>.Store(into, output, weights.Outputs, sum * factor);
        }
    }
}
