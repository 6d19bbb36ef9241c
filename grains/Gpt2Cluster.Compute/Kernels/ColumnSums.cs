using System.Buffers;
using System.Runtime.Intrinsics;
using Gpt2Cluster.Compute.Memory;

namespace Gpt2Cluster.Compute.Kernels;

/// <summary>
/// <c>y = x w</c> with w (K, M), some columns of it. Each result is a sum of fused products in the order of the inputs,
/// however many rows there are: one row keeps its sums in memory and passes over four rows of the matrix at a time,
/// several keep them in registers over sixteen.
/// </summary>
/// <typeparam name="TWeight">What the big matrix is held in.</typeparam>
/// <typeparam name="TResult">What results are held in.</typeparam>
internal static unsafe class ColumnSums<TWeight, TResult>
    where TWeight : struct, IElement
    where TResult : struct, IElement
{
    private const int DepthAtOnce = 16;
    private const int ColumnsAtOnce = 32;

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
            for (var i = start; i < end; i += ColumnsAtOnce)
            {
                var row = 0;
                var isWhole = i + ColumnsAtOnce <= end;
                var x = input + k;
                var into = sums + i - start;
                for (; isWhole && row + 4 <= rows; row += 4, x += 4L * w.Rows, into += 4 * stride)
                    AddFourRows(x, w, k, depth, i, end, into, stride);
                for (; row < rows; row++, x += w.Rows, into += stride)
                {
                    if (isWhole)
                        AddOneRow(x, w, k, depth, i, end, into);
                    else
                        AddPartOfRow(x, w, k, depth, i, end, into);
                }
            }
        }
    }

    /// <summary>32 columns of four rows, which the weights are widened once for.</summary>
    private static void AddFourRows(
        float* x, Matrix w, int k, int depth, int column, int end, float* into, int stride)
    {
        if (Vector512.IsHardwareAccelerated)
        {
            AddFourRowsBySixteen(x, w, k, depth, column, end, into, stride);
            return;
        }

        AddFourRowsByEight(x, w, k, depth, column, end, into, stride);
        AddFourRowsByEight(x, w, k, depth, column + 16, end, into + 16, stride);
    }

    private static void AddFourRowsBySixteen(
        float* x0, Matrix w, int k, int depth, int column, int end, float* into, int stride)
    {
        var into1 = into + stride;
        var into2 = into + (2 * stride);
        var into3 = into + (3 * stride);
        var x1 = x0 + w.Rows;
        var x2 = x0 + (2L * w.Rows);
        var x3 = x0 + (3L * w.Rows);
        var a0 = Vector512.Load(into);
        var b0 = Vector512.Load(into + 16);
        var a1 = Vector512.Load(into1);
        var b1 = Vector512.Load(into1 + 16);
        var a2 = Vector512.Load(into2);
        var b2 = Vector512.Load(into2 + 16);
        var a3 = Vector512.Load(into3);
        var b3 = Vector512.Load(into3 + 16);
        var weights = w.Row(k);
        var rowBytes = (long)w.Columns * w.ElementBytes;
        for (var d = 0; d < depth; d++, weights += rowBytes)
        {
            var a = TWeight.LoadSixteen(weights, column, end);
            var b = TWeight.LoadSixteen(weights, column + 16, end);
            var x = Vector512.Create(x0[d]);
            a0 = Vector512.FusedMultiplyAdd(a, x, a0);
            b0 = Vector512.FusedMultiplyAdd(b, x, b0);
            x = Vector512.Create(x1[d]);
            a1 = Vector512.FusedMultiplyAdd(a, x, a1);
            b1 = Vector512.FusedMultiplyAdd(b, x, b1);
            x = Vector512.Create(x2[d]);
            a2 = Vector512.FusedMultiplyAdd(a, x, a2);
            b2 = Vector512.FusedMultiplyAdd(b, x, b2);
            x = Vector512.Create(x3[d]);
            a3 = Vector512.FusedMultiplyAdd(a, x, a3);
            b3 = Vector512.FusedMultiplyAdd(b, x, b3);
        }

        a0.Store(into);
        b0.Store(into + 16);
        a1.Store(into1);
        b1.Store(into1 + 16);
        a2.Store(into2);
        b2.Store(into2 + 16);
        a3.Store(into3);
        b3.Store(into3 + 16);
    }

    /// <summary>Sixteen columns of four rows.</summary>
    private static void AddFourRowsByEight(
        float* x0, Matrix w, int k, int depth, int column, int end, float* into, int stride)
    {
        for (var row = 0; row < 4; row += 2, x0 += 2L * w.Rows, into += 2 * stride)
        {
            var into1 = into + stride;
            var x1 = x0 + w.Rows;
            var a0 = Vector256.Load(into);
            var b0 = Vector256.Load(into + 8);
            var a1 = Vector256.Load(into1);
            var b1 = Vector256.Load(into1 + 8);
            for (var d = 0; d < depth; d++)
            {
                var weights = w.Row(k + d);
                var a = TWeight.Load(weights, column, end);
                var b = TWeight.Load(weights, column + 8, end);
                var x = Vector256.Create(x0[d]);
                a0 = Vector256.FusedMultiplyAdd(a, x, a0);
                b0 = Vector256.FusedMultiplyAdd(b, x, b0);
                x = Vector256.Create(x1[d]);
                a1 = Vector256.FusedMultiplyAdd(a, x, a1);
                b1 = Vector256.FusedMultiplyAdd(b, x, b1);
            }

            a0.Store(into);
            b0.Store(into + 8);
            a1.Store(into1);
            b1.Store(into1 + 8);
        }
    }

    private static void AddOneRow(float* x, Matrix w, int k, int depth, int column, int end, float* into)
    {
        var a = Vector256.Load(into);
        var b = Vector256.Load(into + 8);
        var c = Vector256.Load(into + 16);
        var d = Vector256.Load(into + 24);
        for (var input = 0; input < depth; input++)
        {
            var weights = w.Row(k + input);
            var factor = Vector256.Create(x[input]);
            a = Vector256.FusedMultiplyAdd(TWeight.Load(weights, column, end), factor, a);
            b = Vector256.FusedMultiplyAdd(TWeight.Load(weights, column + 8, end), factor, b);
            c = Vector256.FusedMultiplyAdd(TWeight.Load(weights, column + 16, end), factor, c);
            d = Vector256.FusedMultiplyAdd(TWeight.Load(weights, column + 24, end), factor, d);
        }

        a.Store(into);
        b.Store(into + 8);
        c.Store(into + 16);
        d.Store(into + 24);
    }

    /// <summary>The last columns, fewer than 32.</summary>
    private static void AddPartOfRow(float* x, Matrix w, int k, int depth, int column, int end, float* into)
    {
        for (; column < end; column += 8, into += 8)
        {
            var sum = Vector256.Load(into);
            for (var d = 0; d < depth; d++)
                sum = Vector256.FusedMultiplyAdd(TWeight.Load(w.Row(k + d), column, end), Vector256.Create(x[d]), sum);
            sum.Store(into);
        }
    }
}
