using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Gpt2Cluster.Compute.Memory;

namespace Gpt2Cluster.Compute.Kernels;

/// <summary>
/// <c>y = x w^T</c> with w (M, K), some outputs of it. Each result is the sum of four times eight parts, however many
/// rows there are and whatever vectors the processor has.
/// </summary>
/// <typeparam name="TWeight">What the big matrix is held in.</typeparam>
/// <typeparam name="TResult">What results are held in.</typeparam>
internal static unsafe class RowDots<TWeight, TResult>
    where TWeight : struct, IElement
    where TResult : struct, IElement
{
    private const int OutputsAtOnce = 8;

    /// <summary>Computes the outputs from <paramref name="from"/> up to <paramref name="to"/>.</summary>
    /// <param name="x">S rows.</param>
    /// <param name="w">(M, K).</param>
    /// <param name="y">(S, M).</param>
    /// <param name="from">The first.</param>
    /// <param name="to">Behind the last.</param>
    public static void Multiply(WideRows x, Matrix w, Matrix y, int from, int to)
    {
        var stride = x.Stride;
        fixed (float* input = x.Values)
        {
            var output = from;
            if (y.Rows >= 4 && w.Columns % 32 == 0 && Avx512F.IsSupported)
            {
                for (; output + OutputsAtOnce <= to; output += OutputsAtOnce)
                    Block(input, stride, w, y, output);
            }

            for (; output < to; output++)
                Rest(input, stride, 0, w, y, output);
        }
    }

    /// <summary>
    /// Some outputs of all rows: four rows at a time, so that their numbers and the outputs' weights stay in the
    /// first-level cache.
    /// </summary>
    private static void Block(float* input, int stride, Matrix w, Matrix y, int first)
    {
        var parts = stackalloc float[4 * 2 * 32];
        var row = 0;
        for (; row + 4 <= y.Rows; row += 4)
        {
            var x = input + (row * stride);
            for (var output = first; output < first + OutputsAtOnce; output += 2)
            {
                FourRowsOfTwo(x, stride, w.Row(output), w.Row(output + 1), w.Columns, parts);
                Write(parts, row, y, output);
            }
        }

        for (var output = first; output < first + OutputsAtOnce; output++)
            Rest(input, stride, row, w, y, output);
    }

    /// <summary>One output of the rows from <paramref name="row"/> on.</summary>
    private static void Rest(float* input, int stride, int row, Matrix w, Matrix y, int output)
    {
        for (; row + 2 <= y.Rows; row += 2)
        {
            var (first, second) = DotTwo(input + (row * stride), stride, w.Row(output), w.Columns);
            TResult.Write(y.Row(row), output, first);
            TResult.Write(y.Row(row + 1), output, second);
        }

        if (row < y.Rows)
            TResult.Write(y.Row(row), output, Dot(input + (row * stride), w.Row(output), w.Columns));
    }

    /// <summary>The sum of products, in four parts that are added at the end.</summary>
    private static float Dot(float* x, byte* w, int count)
    {
        Vector256<float> a = default, b = default, c = default, d = default;
        var i = 0;
        for (; i + 32 <= count; i += 32)
        {
            a = Vector256.FusedMultiplyAdd(TWeight.Load(w, i, count), Vector256.Load(x + i), a);
            b = Vector256.FusedMultiplyAdd(TWeight.Load(w, i + 8, count), Vector256.Load(x + i + 8), b);
            c = Vector256.FusedMultiplyAdd(TWeight.Load(w, i + 16, count), Vector256.Load(x + i + 16), c);
            d = Vector256.FusedMultiplyAdd(TWeight.Load(w, i + 24, count), Vector256.Load(x + i + 24), d);
        }

        return Sum(a, b, c, d, x, w, i, count);
    }

    /// <summary><see cref="Dot"/> of two rows, each in its order.</summary>
    private static (float First, float Second) DotTwo(float* x, int stride, byte* w, int count)
    {
        var z = x + stride;
        Vector256<float> a = default, b = default, c = default, d = default;
        Vector256<float> e = default, f = default, g = default, h = default;
        var i = 0;
        for (; i + 32 <= count; i += 32)
        {
            var v = TWeight.Load(w, i, count);
            a = Vector256.FusedMultiplyAdd(v, Vector256.Load(x + i), a);
            e = Vector256.FusedMultiplyAdd(v, Vector256.Load(z + i), e);
            v = TWeight.Load(w, i + 8, count);
            b = Vector256.FusedMultiplyAdd(v, Vector256.Load(x + i + 8), b);
            f = Vector256.FusedMultiplyAdd(v, Vector256.Load(z + i + 8), f);
            v = TWeight.Load(w, i + 16, count);
            c = Vector256.FusedMultiplyAdd(v, Vector256.Load(x + i + 16), c);
            g = Vector256.FusedMultiplyAdd(v, Vector256.Load(z + i + 16), g);
            v = TWeight.Load(w, i + 24, count);
            d = Vector256.FusedMultiplyAdd(v, Vector256.Load(x + i + 24), d);
            h = Vector256.FusedMultiplyAdd(v, Vector256.Load(z + i + 24), h);
        }

        return (Sum(a, b, c, d, x, w, i, count), Sum(e, f, g, h, z, w, i, count));
    }

    /// <summary>
    /// The four parts of two outputs of four rows. A vector of sixteen holds two of the parts, so the order is that of
    /// <see cref="Dot"/>. Nothing is called before the parts are stored: what lives across a call, the compiler would
    /// keep in memory, and write there in every round.
    /// </summary>
    private static void FourRowsOfTwo(float* x0, int stride, byte* u, byte* v, int count, float* parts)
    {
        var x1 = x0 + stride;
        var x2 = x0 + (2 * stride);
        var x3 = x0 + (3 * stride);
        Vector512<float> u0 = default, u1 = default, u2 = default, u3 = default;
        Vector512<float> v0 = default, v1 = default, v2 = default, v3 = default;
        Vector512<float> s0 = default, s1 = default, s2 = default, s3 = default;
        Vector512<float> t0 = default, t1 = default, t2 = default, t3 = default;
        var ahead = (long)OutputsAtOnce * count * TWeight.Bytes;
        for (var i = 0; i + 32 <= count; i += 32)
        {
            Sse.Prefetch1(u + (i * TWeight.Bytes) + ahead);
            Sse.Prefetch1(v + (i * TWeight.Bytes) + ahead);
            var a = TWeight.LoadSixteen(u, i, count);
            var b = TWeight.LoadSixteen(v, i, count);
            var x = Vector512.Load(x0 + i);
            u0 = Vector512.FusedMultiplyAdd(a, x, u0);
            v0 = Vector512.FusedMultiplyAdd(b, x, v0);
            x = Vector512.Load(x1 + i);
            u1 = Vector512.FusedMultiplyAdd(a, x, u1);
            v1 = Vector512.FusedMultiplyAdd(b, x, v1);
            x = Vector512.Load(x2 + i);
            u2 = Vector512.FusedMultiplyAdd(a, x, u2);
            v2 = Vector512.FusedMultiplyAdd(b, x, v2);
            x = Vector512.Load(x3 + i);
            u3 = Vector512.FusedMultiplyAdd(a, x, u3);
            v3 = Vector512.FusedMultiplyAdd(b, x, v3);
            a = TWeight.LoadSixteen(u, i + 16, count);
            b = TWeight.LoadSixteen(v, i + 16, count);
            x = Vector512.Load(x0 + i + 16);
            s0 = Vector512.FusedMultiplyAdd(a, x, s0);
            t0 = Vector512.FusedMultiplyAdd(b, x, t0);
            x = Vector512.Load(x1 + i + 16);
            s1 = Vector512.FusedMultiplyAdd(a, x, s1);
            t1 = Vector512.FusedMultiplyAdd(b, x, t1);
            x = Vector512.Load(x2 + i + 16);
            s2 = Vector512.FusedMultiplyAdd(a, x, s2);
            t2 = Vector512.FusedMultiplyAdd(b, x, t2);
            x = Vector512.Load(x3 + i + 16);
            s3 = Vector512.FusedMultiplyAdd(a, x, s3);
            t3 = Vector512.FusedMultiplyAdd(b, x, t3);
        }

        u0.Store(parts);
        s0.Store(parts + 16);
        v0.Store(parts + 32);
        t0.Store(parts + 48);
        u1.Store(parts + 64);
        s1.Store(parts + 80);
        v1.Store(parts + 96);
        t1.Store(parts + 112);
        u2.Store(parts + 128);
        s2.Store(parts + 144);
        v2.Store(parts + 160);
        t2.Store(parts + 176);
        u3.Store(parts + 192);
        s3.Store(parts + 208);
        v3.Store(parts + 224);
        t3.Store(parts + 240);
    }

    /// <summary>Adds up the parts of two outputs of four rows as <see cref="Sum"/> does.</summary>
    private static void Write(float* parts, int row, Matrix y, int output)
    {
        for (var end = output + 2; output < end; output++, parts += 32)
        {
            var sums = VectorMath.SumEach(
                Parts(parts), Parts(parts + 64), Parts(parts + 128), Parts(parts + 192));
            TResult.Write(y.Row(row), output, sums[0]);
            TResult.Write(y.Row(row + 1), output, sums[1]);
            TResult.Write(y.Row(row + 2), output, sums[2]);
            TResult.Write(y.Row(row + 3), output, sums[3]);
        }
    }

    private static Vector256<float> Parts(float* parts) =>
        (Vector256.Load(parts) + Vector256.Load(parts + 8)) + (Vector256.Load(parts + 16) + Vector256.Load(parts + 24));

    /// <summary>The four parts together, with what is behind the last 32 products.</summary>
    private static float Sum(
        Vector256<float> a,
        Vector256<float> b,
        Vector256<float> c,
        Vector256<float> d,
        float* x,
        byte* w,
        int i,
        int count)
    {
        for (; i < count; i += 8)
            a += TWeight.Load(w, i, count) * AnyLength<Float32Element>.Load((byte*)x, i, count);
        return VectorMath.Sum((a + b) + (c + d));
    }
}
