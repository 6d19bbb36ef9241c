using CsCheck;

namespace Gpt2Cluster.Core.Tests.Reduction;

/// <summary>Numbers for which the order of addition matters, and a recursive sum that cannot be wrong.</summary>
internal static class Floats
{
    private static readonly Gen<float> Any = Gen.Select(
        Gen.Int[-12, 12], Gen.Int[-(1 << 23), 1 << 23], (exponent, mantissa) => MathF.ScaleB(mantissa, exponent - 23));

    public static Gen<float[]> OfLength(int count) => Any.Array[count];

    public static float RecursiveSum(ReadOnlySpan<float> leaves, int first, int span)
    {
        if (span == 1)
            return leaves[first];
        var half = span / 2;
        var left = RecursiveSum(leaves, first, half);
        return first + half < leaves.Length ? left + RecursiveSum(leaves, first + half, half) : left;
    }

    public static float TreeSum(ReadOnlySpan<float> leaves)
    {
        var span = 1;
        while (span < leaves.Length)
            span *= 2;
        return RecursiveSum(leaves, 0, span);
    }

    public static int Bits(float value) => BitConverter.SingleToInt32Bits(value);

    public static ushort[] ToBFloat16Bits(float[] values) =>
        [.. values.Select(value => (ushort)(BitConverter.SingleToUInt32Bits(value) >> 16))];

    public static float FromBFloat16Bits(ushort bits) => BitConverter.UInt32BitsToSingle((uint)bits << 16);
}
