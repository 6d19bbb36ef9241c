using System.Numerics;
using System.Runtime.InteropServices;

namespace Gpt2Cluster.Core.Reduction;

/// <summary>
/// Element-wise fp32 kernels of the canonical tree. Each element is one IEEE operation, so the bits do not depend on
/// the width of the machine's vectors. Destinations may be one of the operands.
/// </summary>
public static class VectorSum
{
    /// <summary><c>sum = left + right</c>.</summary>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public static void Add(ReadOnlySpan<float> left, ReadOnlySpan<float> right, Span<float> sum)
    {
        Check(left.Length, right.Length, sum.Length);
        var index = 0;
        for (; index <= sum.Length - Vector<float>.Count; index += Vector<float>.Count)
            (new Vector<float>(left[index..]) + new Vector<float>(right[index..])).CopyTo(sum[index..]);
        for (; index < sum.Length; index++)
            sum[index] = left[index] + right[index];
    }

    /// <summary><c>sum = left + right</c>, the right operand as the 16 bits of bf16.</summary>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public static void Add(ReadOnlySpan<float> left, ReadOnlySpan<ushort> right, Span<float> sum)
    {
        Check(left.Length, right.Length, sum.Length);
        var index = 0;
        for (; index <= sum.Length - Vector<ushort>.Count; index += Vector<ushort>.Count)
        {
            var (low, high) = Widen(new Vector<ushort>(right[index..]));
            var next = index + Vector<float>.Count;
            (new Vector<float>(left[index..]) + low).CopyTo(sum[index..]);
            (new Vector<float>(left[next..]) + high).CopyTo(sum[next..]);
        }

        for (; index < sum.Length; index++)
            sum[index] = left[index] + Widen(right[index]);
    }

    /// <summary><c>sum = left + right</c>, both operands as the 16 bits of bf16.</summary>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public static void Add(ReadOnlySpan<ushort> left, ReadOnlySpan<ushort> right, Span<float> sum)
    {
        Check(left.Length, right.Length, sum.Length);
        var index = 0;
        for (; index <= sum.Length - Vector<ushort>.Count; index += Vector<ushort>.Count)
        {
            var (leftLow, leftHigh) = Widen(new Vector<ushort>(left[index..]));
            var (rightLow, rightHigh) = Widen(new Vector<ushort>(right[index..]));
            (leftLow + rightLow).CopyTo(sum[index..]);
            (leftHigh + rightHigh).CopyTo(sum[(index + Vector<float>.Count)..]);
        }

        for (; index < sum.Length; index++)
            sum[index] = Widen(left[index]) + Widen(right[index]);
    }

    /// <summary>Copies bf16, given as its 16 bits, into fp32. Lossless.</summary>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public static void Widen(ReadOnlySpan<ushort> from, Span<float> into)
    {
        Check(from.Length, from.Length, into.Length);
        var index = 0;
        for (; index <= into.Length - Vector<ushort>.Count; index += Vector<ushort>.Count)
        {
            var (low, high) = Widen(new Vector<ushort>(from[index..]));
            low.CopyTo(into[index..]);
            high.CopyTo(into[(index + Vector<float>.Count)..]);
        }

        for (; index < into.Length; index++)
            into[index] = Widen(from[index]);
    }

    /// <summary>
    /// Divides every element of the root by M: the average. A true division, done once, by the root's reducer.
    /// </summary>
    /// <param name="values">The sums.</param>
    /// <param name="leafCount">M, 1 or more.</param>
    public static void Divide(Span<float> values, int leafCount)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(leafCount, 1);
        var divisor = new Vector<float>(leafCount);
        var vectors = MemoryMarshal.Cast<float, Vector<float>>(values);
        for (var index = 0; index < vectors.Length; index++)
            vectors[index] /= divisor;
        for (var index = vectors.Length * Vector<float>.Count; index < values.Length; index++)
            values[index] /= leafCount;
    }

    private static float Widen(ushort bits) => BitConverter.UInt32BitsToSingle((uint)bits << 16);

    private static (Vector<float> Low, Vector<float> High) Widen(Vector<ushort> bits)
    {
        Vector.Widen(bits, out var low, out var high);
        return (Vector.AsVectorSingle(low << 16), Vector.AsVectorSingle(high << 16));
    }

    private static void Check(int left, int right, int sum)
    {
        if (left != sum || right != sum)
            throw new ArgumentException($"The lengths differ: {left}, {right} and {sum}.");
    }
}
