using System.Runtime.Intrinsics;
using Gpt2Cluster.Compute.Devices;
using Gpt2Cluster.Compute.Memory;

namespace Gpt2Cluster.Compute.Kernels;

/// <summary>
/// Products of a few rows with a big matrix, bound by reading the matrix: every weight is read once, for all rows, in
/// the order it lies in memory. On a processor a row's result is the same bits however many rows there are.
/// Shapes: S rows, K inputs, M outputs.
/// </summary>
internal interface IRowMatmul
{
    /// <summary><c>y = x w</c> with w (K, M).</summary>
    void Multiply(Matrix x, Matrix w, Matrix y);

    /// <summary><c>y = x w^T</c> with w (M, K).</summary>
    void MultiplyByTransposed(Matrix x, Matrix w, Matrix y);
}

/// <summary>By libtorch's products.</summary>
internal sealed class TorchRowMatmul(IMatmul matmul) : IRowMatmul
{
    /// <inheritdoc/>
    public void Multiply(Matrix x, Matrix w, Matrix y) => matmul.Multiply(x, w, y);

    /// <inheritdoc/>
    public void MultiplyByTransposed(Matrix x, Matrix w, Matrix y) => matmul.MultiplyByTransposed(x, w, y);
}

/// <summary>On a processor.</summary>
/// <typeparam name="TRow">What rows and results are held in.</typeparam>
/// <typeparam name="TWeight">What the big matrix is held in.</typeparam>
internal sealed class RowMatmul<TRow, TWeight>(ThreadTeam team) : IRowMatmul
    where TRow : struct, IElement
    where TWeight : struct, IElement
{
    /// <inheritdoc/>
    public void Multiply(Matrix x, Matrix w, Matrix y)
    {
        if (w.Rows % 8 == 0 && w.Columns % 8 == 0)
            RowMatmulKernel<TRow, TWeight>.Multiply(team, x, w, y);
        else
            RowMatmulKernel<AnyLength<TRow>, AnyLength<TWeight>>.Multiply(team, x, w, y);
    }

    /// <inheritdoc/>
    public void MultiplyByTransposed(Matrix x, Matrix w, Matrix y)
    {
        if (w.Columns % 8 == 0)
            RowMatmulKernel<TRow, TWeight>.MultiplyByTransposed(team, x, w, y);
        else
            RowMatmulKernel<AnyLength<TRow>, AnyLength<TWeight>>.MultiplyByTransposed(team, x, w, y);
    }
}

/// <summary>The loops of <see cref="RowMatmul{TRow, TWeight}"/>.</summary>
/// <typeparam name="TRow">What rows and results are held in.</typeparam>
/// <typeparam name="TWeight">What the big matrix is held in.</typeparam>
internal static unsafe class RowMatmulKernel<TRow, TWeight>
    where TRow : struct, IElement
    where TWeight : struct, IElement
{
    private const int LeastOutputsPerThread = 64;

    /// <summary>
    /// <c>y = x w</c> with w (K, M): each thread adds up some columns, four rows of the matrix at a time.
    /// </summary>
    public static void Multiply(ThreadTeam team, Matrix x, Matrix w, Matrix y)
    {
        var inputs = Widen(x);
        team.For((w.Columns + 7) / 8, LeastOutputsPerThread / 8, (from, to) =>
        {
            var (start, end) = (from * 8, Math.Min(to * 8, w.Columns));
            var sums = new float[x.Rows * (end - start + 8)];
            fixed (float* input = inputs, sum = sums)
            {
                AddColumns(input, x.Rows, w, start, end, sum);
                for (var row = 0; row < x.Rows; row++)
                    StoreColumns(sum + (row * (end - start + 8)), y.Row(row), start, end);
            }
        });
    }

    /// <summary><c>y = x w^T</c> with w (M, K): each thread takes some rows of the matrix.</summary>
    public static void MultiplyByTransposed(ThreadTeam team, Matrix x, Matrix w, Matrix y)
    {
        var inputs = Widen(x);
        team.For(w.Rows, LeastOutputsPerThread, (from, to) =>
        {
            var wide = new float[x.Rows > 1 ? x.Columns + 8 : 0];
            fixed (float* input = inputs, weights = wide)
            {
                for (var output = from; output < to; output++)
                {
                    if (x.Rows == 1)
                        TRow.Write(y.Row(0), output, Dot(input, w.Row(output), x.Columns));
                    else
                        DotMany(input, w.Row(output), weights, x, y, output);
                }
            }
        });
    }

    private static float[] Widen(Matrix x)
    {
        var inputs = new float[(x.Rows * x.Columns) + 8];
        fixed (float* into = inputs)
        {
            for (var row = 0; row < x.Rows; row++)
            {
                for (var i = 0; i < x.Columns; i += 8)
                {
                    var target = (byte*)(into + (row * x.Columns));
                    // A last vector that is too long is overwritten by the next row.
                    Float32Element.Store(target, i, x.Columns, TRow.Load(x.Row(row), i, x.Columns));
                }
            }
        }

        return inputs;
    }

    private static void AddColumns(float* input, int rows, Matrix w, int start, int end, float* sums)
    {
        if (rows > 1)
        {
            AddColumnsOfMany(input, rows, w, start, end, sums);
            return;
        }

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
            var into = sums - start;
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
            AddOne(input, rows, w, k, start, end, sums);
    }

    /// <summary>
    /// The same sums in the same order for several rows: weights are widened once for all, which costs more than the
    /// additions.
    /// </summary>
    private static void AddColumnsOfMany(float* input, int rows, Matrix w, int start, int end, float* sums)
    {
        var stride = end - start + 8;
        var k = 0;
        for (; k + 4 <= w.Rows; k += 4)
        {
            var w0 = w.Row(k);
            var w1 = w.Row(k + 1);
            var w2 = w.Row(k + 2);
            var w3 = w.Row(k + 3);
            for (var i = start; i < end; i += 8)
            {
                var (v0, v1) = (TWeight.Load(w0, i, end), TWeight.Load(w1, i, end));
                var (v2, v3) = (TWeight.Load(w2, i, end), TWeight.Load(w3, i, end));
                var x = input + k;
                var into = sums - start + i;
                for (var row = 0; row < rows; row++, x += w.Rows, into += stride)
                {
                    var sum = Vector256.Load(into);
                    sum = Vector256.FusedMultiplyAdd(v0, Vector256.Create(x[0]), sum);
                    sum = Vector256.FusedMultiplyAdd(v1, Vector256.Create(x[1]), sum);
                    sum = Vector256.FusedMultiplyAdd(v2, Vector256.Create(x[2]), sum);
                    sum = Vector256.FusedMultiplyAdd(v3, Vector256.Create(x[3]), sum);
                    sum.Store(into);
                }
            }
        }

        for (; k < w.Rows; k++)
            AddOne(input, rows, w, k, start, end, sums);
    }

    private static void AddOne(float* input, int rows, Matrix w, int k, int start, int end, float* sums)
    {
        for (var row = 0; row < rows; row++)
        {
            var x = Vector256.Create(input[((long)row * w.Rows) + k]);
            var into = sums + (row * (end - start + 8)) - start;
            for (var i = start; i < end; i += 8)
                Vector256.FusedMultiplyAdd(TWeight.Load(w.Row(k), i, end), x, Vector256.Load(into + i)).Store(into + i);
        }
    }

    private static void StoreColumns(float* sums, byte* into, int start, int end)
    {
        for (var i = start; i < end; i += 8)
            TRow.Store(into, i, end, Vector256.Load(sums + i - start));
    }

    /// <summary>One output of several rows: the weights are widened once.</summary>
    private static void DotMany(float* input, byte* weights, float* wide, Matrix x, Matrix y, int output)
    {
        var count = x.Columns;
        for (var i = 0; i < count; i += 8)
            TWeight.Load(weights, i, count).Store(wide + i);
        var row = 0;
        for (; row + 2 <= x.Rows; row += 2)
        {
            var (first, second) = DotTwo(input + ((long)row * count), wide, count);
            TRow.Write(y.Row(row), output, first);
            TRow.Write(y.Row(row + 1), output, second);
        }

        if (row < x.Rows)
        {
            TRow.Write(y.Row(row), output, RowMatmulKernel<TRow, AnyLength<Float32Element>>.Dot(
                input + ((long)row * count), (byte*)wide, count));
        }
    }

    /// <summary><see cref="Dot"/> of two rows, each in its order.</summary>
    private static (float First, float Second) DotTwo(float* x, float* wide, int count)
    {
        var z = x + count;
        Vector256<float> a = default, b = default, c = default, d = default;
        Vector256<float> e = default, f = default, g = default, h = default;
        var i = 0;
        for (; i + 32 <= count; i += 32)
        {
            var (w0, w1) = (Vector256.Load(wide + i), Vector256.Load(wide + i + 8));
            var (w2, w3) = (Vector256.Load(wide + i + 16), Vector256.Load(wide + i + 24));
            a = Vector256.FusedMultiplyAdd(w0, Vector256.Load(x + i), a);
            b = Vector256.FusedMultiplyAdd(w1, Vector256.Load(x + i + 8), b);
            c = Vector256.FusedMultiplyAdd(w2, Vector256.Load(x + i + 16), c);
            d = Vector256.FusedMultiplyAdd(w3, Vector256.Load(x + i + 24), d);
            e = Vector256.FusedMultiplyAdd(w0, Vector256.Load(z + i), e);
            f = Vector256.FusedMultiplyAdd(w1, Vector256.Load(z + i + 8), f);
            g = Vector256.FusedMultiplyAdd(w2, Vector256.Load(z + i + 16), g);
            h = Vector256.FusedMultiplyAdd(w3, Vector256.Load(z + i + 24), h);
        }

        for (; i < count; i += 8)
        {
            var w = Vector256.Load(wide + i);
            a += w * AnyLength<Float32Element>.Load((byte*)x, i, count);
            e += w * AnyLength<Float32Element>.Load((byte*)z, i, count);
        }

        return (VectorMath.Sum((a + b) + (c + d)), VectorMath.Sum((e + f) + (g + h)));
    }

    /// <summary>The sum of products, in four parts that are added at the end.</summary>
    internal static float Dot(float* input, byte* weights, int count)
    {
        Vector256<float> a = default, b = default, c = default, d = default;
        var i = 0;
        for (; i + 32 <= count; i += 32)
        {
            a = Vector256.FusedMultiplyAdd(TWeight.Load(weights, i, count), Vector256.Load(input + i), a);
            b = Vector256.FusedMultiplyAdd(TWeight.Load(weights, i + 8, count), Vector256.Load(input + i + 8), b);
            c = Vector256.FusedMultiplyAdd(TWeight.Load(weights, i + 16, count), Vector256.Load(input + i + 16), c);
            d = Vector256.FusedMultiplyAdd(TWeight.Load(weights, i + 24, count), Vector256.Load(input + i + 24), d);
        }

        for (; i < count; i += 8)
            a += TWeight.Load(weights, i, count) * AnyLength<Float32Element>.Load((byte*)input, i, count);
        return VectorMath.Sum((a + b) + (c + d));
    }
}
