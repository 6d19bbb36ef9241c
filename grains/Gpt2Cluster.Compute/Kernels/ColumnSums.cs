using System.Buffers;
using System.Runtime.Intrinsics;
using Gpt2Cluster.Compute.Memory;

namespace Gpt2Cluster.Compute.Kernels;

/// <summary>
/// <c>y = x w</c> with w (K, M), some columns of it. Each result is a sum of fused products in the order of the inputs,
/// however many rows there are: one row keeps its sums in memory and passes over four rows of the matrix at a time,
/// several keep them in registers over eight.
/// </summary>
/// <typeparam name="TWeight">What the big matrix is held in.</typeparam>
/// <typeparam name="TResult">What results are held in.</typeparam>
internal static unsafe class ColumnSums<TWeight, TResult>
    where TWeight : struct, IElement
    where TResult : struct, IElement
{
    private const int DepthAtOnce = 8;

    /// <summary>Computes the columns from <paramref name="start"/> up to <paramref name="end"/>.</summary>
    /// <param name="x">(S, K) and eight numbers of room.</param>
    /// <param name="w">(K, M).</param>
    /// <param name="y">(S, M).</param>
    /// <param name="start">A multiple of eight.</param>
    /// <param name="end">A multiple of eight, or M.</param>
    public static void Multiply(ReadOnlySpan<float> x, Matrix w, Matrix y, int start, int end)
    {
        var stride = (end - start + 7) / 8 * 8;
        var rented = ArrayPool<float>.Shared.Rent(y.Rows * stride);
        rented.AsSpan(0, y.Rows * stride).Clear();
        fixed (float* input = x, sums = rented)
        {
            if (y.Rows == 1)
                AddToOne(input, w, start, end, sums);
            else
                AddToMany(input, y.Rows, w, start, end, sums, stride);
            for (var row = 0; row < y.Rows; row++)
            {
                for (var i = start; i < end; i += 8)
                    TResult.Store(y.Row(row), i, end, Vector256.Load(sums + (row * stride) + i - start));
            }
        }

        ArrayPool<float>.Shared.Return(rented);
    }

    private static void AddToOne(float* input, Matrix w, int start, int end, float* sums)
    {
        var into = sums - start;
        var k = 0;
        for (; k + 4 <= w.Rows; k += 4)
        {
            var w0 = w.Row(k);
            var w1 = w.Row(k + 1);
            var w2 = w.Row(k + 2);
            var w3 = w.Row(k + 3);
            var x0 = Vector256.Create(input[k]);
            var x1 = Vector256.Create(input[k + 1]);
            var x2 = Vector256.Create(input[k + 2]);
            var x3 = Vector256.Create(input[k + 3]);
            for (var i = start; i < end; i += 8)
            {
                var sum = Vector256.Load(into + i);
                sum = Vector256.FusedMultiplyAdd(TWeight.Load(w0, i, end), x0, sum);
                sum = Vector256.FusedMultiplyAdd(TWeight.Load(w1, i, end), x1, sum);
                sum = Vector256.FusedMultiplyAdd(TWeight.Load(w2, i, end), x2, sum);
                sum = Vector256.FusedMultiplyAdd(TWeight.Load(w3, i, end), x3, sum);
                sum.Store(into + i);
            }
        }

        for (; k < w.Rows; k++)
        {
            var x = Vector256.Create(input[k]);
            for (var i = start; i < end; i += 8)
                Vector256.FusedMultiplyAdd(TWeight.Load(w.Row(k), i, end), x, Vector256.Load(into + i)).Store(into + i);
        }
    }

    private static void AddToMany(float* input, int rows, Matrix w, int start, int end, float* sums, int stride)
    {
        for (var k = 0; k < w.Rows; k += DepthAtOnce)
        {
            var depth = Math.Min(DepthAtOnce, w.Rows - k);
            for (var i = start; i < end; i += 16)
            {
                var row = 0;
                var x = input + k;
                var into = sums + i - start;
                for (; i + 16 <= end && row + 4 <= rows; row += 4, x += 4L * w.Rows, into += 4 * stride)
                    AddFourRows(x, w, k, depth, i, end, into, stride);
                for (; row < rows; row++, x += w.Rows, into += stride)
                {
                    AddOneRow(x, w, k, depth, i, end, into);
                    if (i + 8 < end)
                        AddOneRow(x, w, k, depth, i + 8, end, into + 8);
                }
            }
        }
    }

    /// <summary>Sixteen columns of four rows, which the weights are widened once for.</summary>
    private static void AddFourRows(
        float* x0, Matrix w, int k, int depth, int column, int end, float* into0, int stride)
    {
        var x1 = x0 + w.Rows;
        var x2 = x0 + (2L * w.Rows);
        var x3 = x0 + (3L * w.Rows);
        var into1 = into0 + stride;
        var into2 = into0 + (2 * stride);
        var into3 = into0 + (3 * stride);
        var (a0, b0) = (Vector256.Load(into0), Vector256.Load(into0 + 8));
        var (a1, b1) = (Vector256.Load(into1), Vector256.Load(into1 + 8));
        var (a2, b2) = (Vector256.Load(into2), Vector256.Load(into2 + 8));
        var (a3, b3) = (Vector256.Load(into3), Vector256.Load(into3 + 8));
        var weights = w.Row(k);
        var rowBytes = (long)w.Columns * w.ElementBytes;
        for (var d = 0; d < depth; d++, weights += rowBytes)
        {
            var (a, b) = (TWeight.Load(weights, column, end), TWeight.Load(weights, column + 8, end));
            var x = Vector256.Create(x0[d]);
            (a0, b0) = (Vector256.FusedMultiplyAdd(a, x, a0), Vector256.FusedMultiplyAdd(b, x, b0));
            x = Vector256.Create(x1[d]);
            (a1, b1) = (Vector256.FusedMultiplyAdd(a, x, a1), Vector256.FusedMultiplyAdd(b, x, b1));
            x = Vector256.Create(x2[d]);
            (a2, b2) = (Vector256.FusedMultiplyAdd(a, x, a2), Vector256.FusedMultiplyAdd(b, x, b2));
            x = Vector256.Create(x3[d]);
            (a3, b3) = (Vector256.FusedMultiplyAdd(a, x, a3), Vector256.FusedMultiplyAdd(b, x, b3));
        }

        a0.Store(into0);
        b0.Store(into0 + 8);
        a1.Store(into1);
        b1.Store(into1 + 8);
        a2.Store(into2);
        b2.Store(into2 + 8);
        a3.Store(into3);
        b3.Store(into3 + 8);
    }

    private static void AddOneRow(float* x, Matrix w, int k, int depth, int column, int end, float* into)
    {
        var sum = Vector256.Load(into);
        for (var d = 0; d < depth; d++)
            sum = Vector256.FusedMultiplyAdd(TWeight.Load(w.Row(k + d), column, end), Vector256.Create(x[d]), sum);
        sum.Store(into);
    }
}
