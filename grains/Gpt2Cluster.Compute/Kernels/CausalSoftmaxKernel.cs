using System.Runtime.Intrinsics;
using Gpt2Cluster.Compute.Devices;
using Gpt2Cluster.Compute.Memory;
using static TorchSharp.torch;

namespace Gpt2Cluster.Compute.Kernels;

/// <summary>
/// Softmax over the keys a query may see, and its gradient, row by row in place; what a query may not see becomes zero.
/// Shapes: G heads of all windows, R queries of a tile, P keys, T tokens of a window.
/// </summary>
/// <param name="team">Shares the rows.</param>
/// <param name="scale">Multiplies the scores first.</param>
/// <param name="length">T.</param>
/// <param name="logSums">(G, T): the logarithm of each query's sum of exponentials.</param>
internal sealed unsafe class CausalSoftmaxKernel<T>(ThreadTeam team, float scale, int length, float[] logSums)
    where T : struct, IElement
{
    private const int LeastRowsPerThread = 16;

    private readonly HostMemory memory = new();
    private static readonly Vector256<int> Lanes = Vector256<int>.Indices;

    /// <summary>Scores become probabilities; the sums are kept.</summary>
    /// <param name="scores">(G, R, P).</param>
    /// <param name="first">The tile's first query.</param>
    public void Forward(Tensor scores, int first)
    {
        using var rows = Rows(scores);
        if (rows.Columns % 8 == 0)
            Forward<T>(rows, (int)scores.shape[1], first);
        else
            Forward<AnyLength<T>>(rows, (int)scores.shape[1], first);
    }

    /// <summary>Scores become probabilities, and the gradient of these that of the scores before the scale.</summary>
    /// <param name="scores">(G, R, P).</param>
    /// <param name="dscores">(G, R, P).</param>
    /// <param name="first">The tile's first query.</param>
    public void Backward(Tensor scores, Tensor dscores, int first)
    {
        using var rows = Rows(scores);
        using var drows = Rows(dscores);
        if (rows.Columns % 8 == 0)
            Backward<T>(rows, drows, (int)scores.shape[1], first);
        else
            Backward<AnyLength<T>>(rows, drows, (int)scores.shape[1], first);
    }

    private Matrix Rows(Tensor scores) => memory.Wrap(scores.view(-1, scores.shape[2]));

    private void Forward<TElement>(Matrix scores, int queries, int first)
        where TElement : struct, IElement =>
        team.For(scores.Rows, LeastRowsPerThread, (from, to) =>
        {
            var scratch = stackalloc float[scores.Columns + 8];
            for (var row = from; row < to; row++)
            {
                var query = first + (row % queries);
                logSums[(row / queries * length) + query] =
                    ForwardRow<TElement>(scores.Row(row), scores.Columns, query + 1, scratch);
            }
        });

    private void Backward<TElement>(Matrix scores, Matrix dscores, int queries, int first)
        where TElement : struct, IElement =>
        team.For(scores.Rows, LeastRowsPerThread, (from, to) =>
        {
            var scratch = stackalloc float[scores.Columns + 8];
            for (var row = from; row < to; row++)
            {
                var query = first + (row % queries);
                var logSum = logSums[(row / queries * length) + query];
                BackwardRow<TElement>(scores.Row(row), dscores.Row(row), scores.Columns, query + 1, logSum, scratch);
            }
        });

    /// <summary>Writes a row's probabilities; returns the logarithm of its sum.</summary>
    private float ForwardRow<TElement>(byte* row, int columns, int visible, float* scratch)
        where TElement : struct, IElement
    {
        var largest = Vector256.Create(float.NegativeInfinity);
        for (var i = 0; i < visible; i += 8)
        {
            var values = TElement.Load(row, i, columns);
            largest = Vector256.Max(largest, Visible(values, i, visible, float.NegativeInfinity));
        }

        var offset = VectorMath.Max(largest) * scale;
        var sums = Vector256<float>.Zero;
        for (var i = 0; i < visible; i += 8)
        {
            var power = VectorMath.MultiplyAdd(TElement.Load(row, i, columns), scale, Vector256.Create(-offset));
            var values = Visible(VectorMath.Exp(power), i, visible, 0);
            values.Store(scratch + i);
            sums += values;
        }

        var sum = VectorMath.Sum(sums);
        var factor = Vector256.Create(1 / sum);
        for (var i = 0; i < visible; i += 8)
            TElement.Store(row, i, columns, Vector256.Load(scratch + i) * factor);
        ClearHidden(row, columns, visible);
        return offset + MathF.Log(sum);
    }

    private void BackwardRow<TElement>(
        byte* row, byte* drow, int columns, int visible, float logSum, float* scratch)
        where TElement : struct, IElement
    {
        var sums = Vector256<float>.Zero;
        for (var i = 0; i < visible; i += 8)
        {
            var power = VectorMath.MultiplyAdd(TElement.Load(row, i, columns), scale, Vector256.Create(-logSum));
            var values = Visible(VectorMath.Exp(power), i, visible, 0);
            values.Store(scratch + i);
            TElement.Store(row, i, columns, values);
            sums = Vector256.FusedMultiplyAdd(values, TElement.Load(drow, i, columns), sums);
        }

        var sum = Vector256.Create(VectorMath.Sum(sums));
        for (var i = 0; i < visible; i += 8)
        {
            var gradient = TElement.Load(drow, i, columns) - sum;
            TElement.Store(drow, i, columns, Vector256.Load(scratch + i) * gradient * scale);
        }

        ClearHidden(row, columns, visible);
        ClearHidden(drow, columns, visible);
    }

    /// <summary>Eight values from <paramref name="index"/> on, with another in place of those not visible.</summary>
    private static Vector256<float> Visible(Vector256<float> values, int index, int visible, float otherwise) =>
        index + 8 <= visible
            ? values
            : Vector256.ConditionalSelect(
                Vector256.LessThan(Lanes, Vector256.Create(visible - index)).AsSingle(),
                values,
                Vector256.Create(otherwise));

    private static void ClearHidden(byte* row, int columns, int visible) =>
        new Span<byte>(row + ((long)visible * T.Bytes), (columns - visible) * T.Bytes).Clear();
}
