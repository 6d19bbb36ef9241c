using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Gpt2Cluster.Compute.Kernels;

/// <summary>
/// Functions of eight numbers at a time, made of IEEE operations only, fused multiply-adds among them, so equal on
/// every machine.
/// </summary>
internal static class VectorMath
{
    private const float Log2E = 1.44269504f;
    private const float Ln2Upper = 0.693359375f;
    private const float Ln2Lower = -2.12194440e-4f;

    /// <summary>
    /// e to the x, to about one unit in the last place: x = n ln 2 + r, a polynomial in r (Cephes, Moshier 1984), times
    /// 2^n. Clamped to what fp32 can hold as normal numbers.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Exp(Vector256<float> x)
    {
        x = Vector256.Min(Vector256.Max(x, Vector256.Create(-87.33f)), Vector256.Create(88.37f));
        var n = Vector256.Floor(MultiplyAdd(x, Log2E, Vector256.Create(0.5f)));
        var r = MultiplyAdd(n, -Ln2Upper, x);
        r = MultiplyAdd(n, -Ln2Lower, r);
        var p = Vector256.Create(1.9875691500e-4f);
        p = Vector256.FusedMultiplyAdd(p, r, Vector256.Create(1.3981999507e-3f));
        p = Vector256.FusedMultiplyAdd(p, r, Vector256.Create(8.3334519073e-3f));
        p = Vector256.FusedMultiplyAdd(p, r, Vector256.Create(4.1665795894e-2f));
        p = Vector256.FusedMultiplyAdd(p, r, Vector256.Create(1.6666665459e-1f));
        p = Vector256.FusedMultiplyAdd(p, r, Vector256.Create(5.0000001201e-1f));
        p = Vector256.FusedMultiplyAdd(p, r * r, r + Vector256<float>.One);
        var exponent = Vector256.ConvertToInt32(n) + Vector256.Create(127);
        return p * (exponent << 23).AsSingle();
    }

    /// <summary><c>a * b + c</c>, rounded once.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> MultiplyAdd(Vector256<float> a, float b, Vector256<float> c) =>
        Vector256.FusedMultiplyAdd(a, Vector256.Create(b), c);

    /// <summary>The sum of eight numbers in one fixed order.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Vector256<float> values)
    {
        var four = values.GetLower() + values.GetUpper();
        return (four[0] + four[2]) + (four[1] + four[3]);
    }

    /// <summary><see cref="Sum(Vector256{float})"/> of four vectors.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> SumEach(
        Vector256<float> a, Vector256<float> b, Vector256<float> c, Vector256<float> d)
    {
        if (!Sse.IsSupported)
            return Vector128.Create(Sum(a), Sum(b), Sum(c), Sum(d));
        var first = a.GetLower() + a.GetUpper();
        var second = b.GetLower() + b.GetUpper();
        var third = c.GetLower() + c.GetUpper();
        var fourth = d.GetLower() + d.GetUpper();
        var (odd, even) = (Sse.UnpackLow(first, third), Sse.UnpackLow(second, fourth));
        var lower = (Sse.UnpackLow(odd, even), Sse.UnpackHigh(odd, even)); // The first numbers of all, the second.
        (odd, even) = (Sse.UnpackHigh(first, third), Sse.UnpackHigh(second, fourth));
        return (lower.Item1 + Sse.UnpackLow(odd, even)) + (lower.Item2 + Sse.UnpackHigh(odd, even));
    }

    /// <summary>The largest of eight numbers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Max(Vector256<float> values)
    {
        var four = Vector128.Max(values.GetLower(), values.GetUpper());
        return Math.Max(Math.Max(four[0], four[1]), Math.Max(four[2], four[3]));
    }
}
