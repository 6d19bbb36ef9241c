using System.Buffers;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Gpt2Cluster.Compute.Memory;

namespace Gpt2Cluster.Compute.Kernels;

/// <summary>
/// <c>y = x w</c> with w (K, M), some columns of it. Each result is a sum of fused products in the order of the inputs,
/// however many rows there are. Blocks of 32 columns are taken for sixteen inputs at a time: what lies next in memory
/// is asked for meanwhile, and every weight is widened once for eight rows.
/// </summary>
/// <typeparam name="TWeight">What the big matrix is held in.</typeparam>
/// <typeparam name="TResult">What results are held in.</typeparam>
internal static unsafe class ColumnSums<TWeight, TResult>
    where TWeight : struct, IElement
    where TResult : struct, IElement
{
    /// <summary>Columns of a block.</summary>
    public const int BlockColumns = 32;

    private const int DepthAtOnce = 16;
    private const int BlocksAhead = 4;

    /// <summary>Computes some blocks of columns.</summary>
    /// <param name="x">S rows.</param>
    /// <param name="w">(K, M).</param>
    /// <param name="y">(S, M).</param>
    /// <param name="from">The first block.</param>
    /// <param name="to">Behind the last.</param>
    public static void Multiply(WideRows x, Matrix w, Matrix y, int from, int to)
    {
        var rows = x.PaddedRows;
        var length = (to - from) * rows * BlockColumns;
        var rented = ArrayPool<float>.Shared.Rent(length);
        rented.AsSpan(0, length).Clear();
        fixed (float* input = x.Values, sums = rented)
        {
            Add(input, x.Stride, rows, w, from, to, sums);
            for (var block = from; block < to; block++)
            {
                var into = sums + ((block - from) * rows * BlockColumns);
                for (var row = 0; row < y.Rows; row++, into += BlockColumns)
                    Store(into, y.Row(row), block * BlockColumns, y.Columns);
            }
        }

        ArrayPool<float>.Shared.Return(rented);
    }

    private static void Store(float* sums, byte* row, int first, int count)
    {
        var end = Math.Min(first + BlockColumns, count);
        for (var column = first; column < end; column += 8)
            TResult.Store(row, column, count, Vector256.Load(sums + column - first));
    }

    private static void Add(float* input, int stride, int rows, Matrix w, int from, int to, float* sums)
    {
        var whole = Math.Min(to, w.Columns / BlockColumns);
        for (var k = 0; k < w.Rows; k += DepthAtOnce)
        {
            var depth = Math.Min(DepthAtOnce, w.Rows - k);
            var into = sums;
            for (var block = from; block < to; block++, into += rows * BlockColumns)
            {
                if (block >= whole)
                    AddPart(input, stride, rows, w, k, depth, block * BlockColumns, into);
                else
                    AddBlock(input + k, stride, rows, w, k, depth, block, Ahead(w, k, block, from, to), into);
            }
        }
    }

    /// <summary>What is read some blocks later: of the same inputs, or, behind the last block, of the next.</summary>
    private static byte* Ahead(Matrix w, int k, int block, int from, int to)
    {
        block += BlocksAhead;
        return block < to
            ? w.Row(k) + ((long)block * BlockColumns * w.ElementBytes)
            : w.Row(k + DepthAtOnce) + ((long)(block - to + from) * BlockColumns * w.ElementBytes);
    }

    private static void AddBlock(
        float* x, int stride, int rows, Matrix w, int k, int depth, int block, byte* ahead, float* into)
    {
        var weights = w.Row(k) + ((long)block * BlockColumns * w.ElementBytes);
        var rowBytes = (long)w.Columns * w.ElementBytes;
        if (rows == 1)
        {
            AddOneRow(x, weights, rowBytes, ahead, depth, into);
            return;
        }

        var row = 0;
        for (; row + 8 <= rows && Avx512F.IsSupported; row += 8, into += 8 * BlockColumns)
            AddEightRows(x + (row * stride), stride, weights, rowBytes, ahead, depth, into);
        for (; row < rows; row += 4, into += 4 * BlockColumns)
        {
            if (Avx512F.IsSupported)
                AddFourRows(x + (row * stride), stride, weights, rowBytes, ahead, depth, into);
            else
                AddFourRowsByEight(x + (row * stride), stride, weights, rowBytes, depth, into);
        }
    }

    private static void AddEightRows(
        float* x, long stride, byte* weights, long rowBytes, byte* ahead, int depth, float* into)
    {
        var z = x + (4 * stride);
        var a0 = Vector512.Load(into);
        var b0 = Vector512.Load(into + 16);
        var a1 = Vector512.Load(into + 32);
        var b1 = Vector512.Load(into + 48);
        var a2 = Vector512.Load(into + 64);
        var b2 = Vector512.Load(into + 80);
        var a3 = Vector512.Load(into + 96);
        var b3 = Vector512.Load(into + 112);
        var a4 = Vector512.Load(into + 128);
        var b4 = Vector512.Load(into + 144);
        var a5 = Vector512.Load(into + 160);
        var b5 = Vector512.Load(into + 176);
        var a6 = Vector512.Load(into + 192);
        var b6 = Vector512.Load(into + 208);
        var a7 = Vector512.Load(into + 224);
        var b7 = Vector512.Load(into + 240);
        for (; depth > 0; depth--, x++, z++, weights += rowBytes, ahead += rowBytes)
        {
            Sse.Prefetch0(ahead);
            var a = TWeight.LoadSixteen(weights, 0, BlockColumns);
            var b = TWeight.LoadSixteen(weights, 16, BlockColumns);
            a0 = Vector512.FusedMultiplyAdd(a, Vector512.Create(x[0]), a0);
            b0 = Vector512.FusedMultiplyAdd(b, Vector512.Create(x[0]), b0);
            a1 = Vector512.FusedMultiplyAdd(a, Vector512.Create(x[stride]), a1);
            b1 = Vector512.FusedMultiplyAdd(b, Vector512.Create(x[stride]), b1);
            a2 = Vector512.FusedMultiplyAdd(a, Vector512.Create(x[2 * stride]), a2);
            b2 = Vector512.FusedMultiplyAdd(b, Vector512.Create(x[2 * stride]), b2);
            a3 = Vector512.FusedMultiplyAdd(a, Vector512.Create(x[3 * stride]), a3);
            b3 = Vector512.FusedMultiplyAdd(b, Vector512.Create(x[3 * stride]), b3);
            a4 = Vector512.FusedMultiplyAdd(a, Vector512.Create(z[0]), a4);
            b4 = Vector512.FusedMultiplyAdd(b, Vector512.Create(z[0]), b4);
            a5 = Vector512.FusedMultiplyAdd(a, Vector512.Create(z[stride]), a5);
            b5 = Vector512.FusedMultiplyAdd(b, Vector512.Create(z[stride]), b5);
            a6 = Vector512.FusedMultiplyAdd(a, Vector512.Create(z[2 * stride]), a6);
            b6 = Vector512.FusedMultiplyAdd(b, Vector512.Create(z[2 * stride]), b6);
            a7 = Vector512.FusedMultiplyAdd(a, Vector512.Create(z[3 * stride]), a7);
            b7 = Vector512.FusedMultiplyAdd(b, Vector512.Create(z[3 * stride]), b7);
        }

        a0.Store(into);
        b0.Store(into + 16);
        a1.Store(into + 32);
        b1.Store(into + 48);
        a2.Store(into + 64);
        b2.Store(into + 80);
        a3.Store(into + 96);
        b3.Store(into + 112);
        a4.Store(into + 128);
        b4.Store(into + 144);
        a5.Store(into + 160);
        b5.Store(into + 176);
        a6.Store(into + 192);
        b6.Store(into + 208);
        a7.Store(into + 224);
        b7.Store(into + 240);
    }

    private static void AddFourRows(
        float* x, long stride, byte* weights, long rowBytes, byte* ahead, int depth, float* into)
    {
        var a0 = Vector512.Load(into);
        var b0 = Vector512.Load(into + 16);
        var a1 = Vector512.Load(into + 32);
        var b1 = Vector512.Load(into + 48);
        var a2 = Vector512.Load(into + 64);
        var b2 = Vector512.Load(into + 80);
        var a3 = Vector512.Load(into + 96);
        var b3 = Vector512.Load(into + 112);
        for (; depth > 0; depth--, x++, weights += rowBytes, ahead += rowBytes)
        {
            Sse.Prefetch0(ahead);
            var a = TWeight.LoadSixteen(weights, 0, BlockColumns);
            var b = TWeight.LoadSixteen(weights, 16, BlockColumns);
            a0 = Vector512.FusedMultiplyAdd(a, Vector512.Create(x[0]), a0);
            b0 = Vector512.FusedMultiplyAdd(b, Vector512.Create(x[0]), b0);
            a1 = Vector512.FusedMultiplyAdd(a, Vector512.Create(x[stride]), a1);
            b1 = Vector512.FusedMultiplyAdd(b, Vector512.Create(x[stride]), b1);
            a2 = Vector512.FusedMultiplyAdd(a, Vector512.Create(x[2 * stride]), a2);
            b2 = Vector512.FusedMultiplyAdd(b, Vector512.Create(x[2 * stride]), b2);
            a3 = Vector512.FusedMultiplyAdd(a, Vector512.Create(x[3 * stride]), a3);
            b3 = Vector512.FusedMultiplyAdd(b, Vector512.Create(x[3 * stride]), b3);
        }

        a0.Store(into);
        b0.Store(into + 16);
        a1.Store(into + 32);
        b1.Store(into + 48);
        a2.Store(into + 64);
        b2.Store(into + 80);
        a3.Store(into + 96);
        b3.Store(into + 112);
    }

    /// <summary>Four rows by vectors of eight: sixteen columns at a time, for there are sixteen registers.</summary>
    private static void AddFourRowsByEight(
        float* x, long stride, byte* weights, long rowBytes, int depth, float* into)
    {
        for (var column = 0; column < BlockColumns; column += 16)
        {
            var first = into + column;
            var a0 = Vector256.Load(first);
            var b0 = Vector256.Load(first + 8);
            var a1 = Vector256.Load(first + 32);
            var b1 = Vector256.Load(first + 40);
            var a2 = Vector256.Load(first + 64);
            var b2 = Vector256.Load(first + 72);
            var a3 = Vector256.Load(first + 96);
            var b3 = Vector256.Load(first + 104);
            for (var d = 0; d < depth; d++)
            {
                var a = TWeight.Load(weights + (d * rowBytes), column, BlockColumns);
                var b = TWeight.Load(weights + (d * rowBytes), column + 8, BlockColumns);
                var factors = x + d;
                a0 = VectorMath.MultiplyAdd(a, factors[0], a0);
                b0 = VectorMath.MultiplyAdd(b, factors[0], b0);
                a1 = VectorMath.MultiplyAdd(a, factors[stride], a1);
                b1 = VectorMath.MultiplyAdd(b, factors[stride], b1);
                a2 = VectorMath.MultiplyAdd(a, factors[2 * stride], a2);
                b2 = VectorMath.MultiplyAdd(b, factors[2 * stride], b2);
                a3 = VectorMath.MultiplyAdd(a, factors[3 * stride], a3);
                b3 = VectorMath.MultiplyAdd(b, factors[3 * stride], b3);
            }

            a0.Store(first);
            b0.Store(first + 8);
            a1.Store(first + 32);
            b1.Store(first + 40);
            a2.Store(first + 64);
            b2.Store(first + 72);
            a3.Store(first + 96);
            b3.Store(first + 104);
        }
    }

    private static void AddOneRow(float* x, byte* weights, long rowBytes, byte* ahead, int depth, float* into)
    {
        var a = Vector256.Load(into);
        var b = Vector256.Load(into + 8);
        var c = Vector256.Load(into + 16);
        var d = Vector256.Load(into + 24);
        for (; depth > 0; depth--, x++, weights += rowBytes, ahead += rowBytes)
        {
            if (Sse.IsSupported)
                Sse.Prefetch0(ahead);
            var factor = Vector256.Create(*x);
            a = Vector256.FusedMultiplyAdd(TWeight.Load(weights, 0, BlockColumns), factor, a);
            b = Vector256.FusedMultiplyAdd(TWeight.Load(weights, 8, BlockColumns), factor, b);
            c = Vector256.FusedMultiplyAdd(TWeight.Load(weights, 16, BlockColumns), factor, c);
            d = Vector256.FusedMultiplyAdd(TWeight.Load(weights, 24, BlockColumns), factor, d);
        }

        a.Store(into);
        b.Store(into + 8);
        c.Store(into + 16);
        d.Store(into + 24);
    }

    /// <summary>The last columns, fewer than a block.</summary>
    private static void AddPart(
        float* input, int stride, int rows, Matrix w, int k, int depth, int first, float* into)
    {
        for (var row = 0; row < rows; row++, input += stride, into += BlockColumns)
        {
            for (var column = first; column < w.Columns; column += 8)
            {
                var sum = Vector256.Load(into + column - first);
                for (var d = k; d < k + depth; d++)
                    sum = VectorMath.MultiplyAdd(TWeight.Load(w.Row(d), column, w.Columns), input[d], sum);
                sum.Store(into + column - first);
            }
        }
    }
}
