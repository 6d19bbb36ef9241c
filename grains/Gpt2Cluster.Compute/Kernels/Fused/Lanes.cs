using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Gpt2Cluster.Compute.Kernels.Fused;

/// <summary>
/// Sixteen numbers at a time: bf16 in memory, fp32 in registers. The functions are those of <see cref="VectorMath"/>
/// and round the same way.
/// </summary>
internal static unsafe class Lanes
{
    /// <summary>Numbers in a vector.</summary>
    public const int Count = 16;

    private const float Log2E = 1.44269504f;
    private const float Ln2Upper = 0.693359375f;
    private const float Ln2Lower = -2.12194440e-4f;

    // gelu(x) = x / 2 (1 + tanh(u)) = x sigmoid(2u) with u = sqrt(2 / pi) (x + 0.044715 x^3).
    private const float TwiceRoot = 1.5957691216f;
    private const float Cubic = 0.044715f;

    /// <summary>0, 1, 2 and so on.</summary>
    public static Vector512<int> Indices => Vector512<int>.Indices;

    /// <summary>Asks for the cache lines of some rows' 64 numbers before they are needed.</summary>
    public static void Prefetch(ushort* from, long stride, int rows)
    {
        if (!Sse.IsSupported)
            return;
        for (var row = 0; row < rows; row++, from += stride)
        {
            Sse.Prefetch1(from);
            Sse.Prefetch1(from + 32);
        }
    }

    /// <summary>One bf16 number.</summary>
    public static float Widen(ushort bits) => BitConverter.UInt32BitsToSingle((uint)bits << 16);

    /// <summary>Sixteen bf16 numbers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load(ushort* from) => (LoadBits(from) << 16).AsSingle();

    /// <summary>The bits of sixteen bf16 numbers, in the lower halves.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> LoadBits(ushort* from)
    {
        var narrow = Vector256.Load(from);
        if (Avx512F.IsSupported)
            return Avx512F.ConvertToVector512UInt32(narrow);
        var (lower, upper) = Vector256.Widen(narrow);
        return Vector512.Create(lower, upper);
    }

    /// <summary>Rounds to bf16, to nearest even, and writes sixteen.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(ushort* into, Vector512<float> values) => StoreBits(into, Round(values));

    /// <summary>Writes the lower halves of sixteen numbers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreBits(ushort* into, Vector512<uint> bits)
    {
        var narrow = Avx512F.IsSupported
            ? Avx512F.ConvertToVector256UInt16(bits)
            : Vector256.Narrow(bits.GetLower(), bits.GetUpper());
        narrow.Store(into);
    }

    /// <summary>The bits of sixteen numbers rounded to bf16, in the lower halves. A NaN stays one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> Round(Vector512<float> values)
    {
        var bits = values.AsUInt32();
        var rounded = (bits + Vector512.Create(0x7FFFu) + ((bits >> 16) & Vector512<uint>.One)) >> 16;
        var isNumber = Vector512.Equals(values, values).AsUInt32();
        return Vector512.ConditionalSelect(isNumber, rounded, Vector512.Create(0x7FC0u));
    }

    /// <summary>e to the x; see <see cref="VectorMath.Exp"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Exp(Vector512<float> x)
    {
        // The bound comes first: of a bound and a NaN the processor takes the second.
        x = Vector512.MaxNative(Vector512.Create(-87.33f), x);
        x = Vector512.MinNative(Vector512.Create(88.37f), x);
        var n = Vector512.Floor(
            Vector512.FusedMultiplyAdd(x, Vector512.Create(Log2E), Vector512.Create(0.5f)));
        var r = Vector512.FusedMultiplyAdd(n, Vector512.Create(-Ln2Upper), x);
        r = Vector512.FusedMultiplyAdd(n, Vector512.Create(-Ln2Lower), r);
        var p = Vector512.Create(1.9875691500e-4f);
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(1.3981999507e-3f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(8.3334519073e-3f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(4.1665795894e-2f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(1.6666665459e-1f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(5.0000001201e-1f));
        p = Vector512.FusedMultiplyAdd(p, r * r, r + Vector512<float>.One);
        var exponent = Vector512.ConvertToInt32Native(n) + Vector512.Create(127);
        return p * (exponent << 23).AsSingle();
    }

    /// <summary><c>gelu(x)</c>, the tanh form.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Gelu(Vector512<float> x) => x * Sigmoid(x);

    /// <summary><c>gelu'(x)</c>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> GeluDerivative(Vector512<float> x)
    {
        var sigmoid = Sigmoid(x);
        var inner = Vector512.Create(TwiceRoot) + (x * x * (3 * Cubic * TwiceRoot));
        return sigmoid + (x * sigmoid * (Vector512<float>.One - sigmoid) * inner);
    }

    /// <summary>The sum of sixteen numbers in one fixed order.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Vector512<float> values) => VectorMath.Sum(values.GetLower() + values.GetUpper());

    /// <summary>The largest of sixteen numbers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Max(Vector512<float> values) =>
        VectorMath.Max(Vector256.Max(values.GetLower(), values.GetUpper()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Sigmoid(Vector512<float> x)
    {
        var minusTwiceU = x * Vector512.FusedMultiplyAdd(
            x * x, Vector512.Create(-Cubic * TwiceRoot), Vector512.Create(-TwiceRoot));
        return Vector512<float>.One / (Vector512<float>.One + Exp(minusTwiceU));
    }
}
