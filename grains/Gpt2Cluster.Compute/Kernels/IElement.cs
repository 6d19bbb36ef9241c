using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Gpt2Cluster.Compute.Kernels;

/// <summary>
/// How the CPU kernels read and write eight elements; they compute in fp32 whatever the memory holds. The width is
/// eight on every machine, so that the bits of a sum do not depend on the machine's vectors.
/// </summary>
internal unsafe interface IElement
{
    /// <summary>Bytes of one element.</summary>
    static abstract int Bytes { get; }

    /// <summary>The elements from <paramref name="index"/> on, zeros from <paramref name="count"/> on.</summary>
    static abstract Vector256<float> Load(byte* row, int index, int count);

    /// <summary>Writes the elements from <paramref name="index"/> on, none from <paramref name="count"/> on.</summary>
    static abstract void Store(byte* row, int index, int count, Vector256<float> values);
}

/// <summary>IEEE 754 binary32.</summary>
internal readonly unsafe struct Float32Element : IElement
{
    /// <inheritdoc/>
    public static int Bytes => sizeof(float);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Load(byte* row, int index, int count) =>
        index + 8 <= count ? Vector256.Load((float*)row + index) : LoadPart((float*)row + index, count - index);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(byte* row, int index, int count, Vector256<float> values)
    {
        if (index + 8 <= count)
            values.Store((float*)row + index);
        else
            StorePart((float*)row + index, count - index, values);
    }

    private static Vector256<float> LoadPart(float* from, int count)
    {
        var part = stackalloc float[8];
        new ReadOnlySpan<float>(from, count).CopyTo(new Span<float>(part, 8));
        return Vector256.Load(part);
    }

    private static void StorePart(float* into, int count, Vector256<float> values)
    {
        for (var index = 0; index < count; index++)
            into[index] = values[index];
    }
}

/// <summary>The upper half of a binary32, rounded to nearest even.</summary>
internal readonly unsafe struct BFloat16Element : IElement
{
    /// <inheritdoc/>
    public static int Bytes => sizeof(ushort);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Load(byte* row, int index, int count) =>
        index + 8 <= count
            ? Widen(Vector128.Load((ushort*)row + index))
            : LoadPart((ushort*)row + index, count - index);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(byte* row, int index, int count, Vector256<float> values)
    {
        if (index + 8 <= count)
            Narrow(values).Store((ushort*)row + index);
        else
            StorePart((ushort*)row + index, count - index, values);
    }

    /// <summary>Eight bf16 numbers as fp32; exact.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Widen(Vector128<ushort> bits)
    {
        var (lower, upper) = Vector128.Widen(bits);
        return (Vector256.Create(lower, upper) << 16).AsSingle();
    }

    /// <summary>Eight fp32 numbers rounded to bf16.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<ushort> Narrow(Vector256<float> values)
    {
        var bits = Round(values).AsUInt32() >> 16;
        return Vector128.Narrow(bits.GetLower(), bits.GetUpper());
    }

    /// <summary>Eight fp32 numbers rounded to what bf16 can hold, still as fp32. A NaN stays one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Round(Vector256<float> values)
    {
        var bits = values.AsUInt32();
        var rounded = bits + Vector256.Create(0x7FFFu) + ((bits >> 16) & Vector256<uint>.One);
        var quiet = Vector256.Create(0x7FC00000u);
        var isNumber = Vector256.Equals(values, values).AsUInt32();
        return (Vector256.ConditionalSelect(isNumber, rounded, quiet) & Vector256.Create(0xFFFF0000u)).AsSingle();
    }

    private static Vector256<float> LoadPart(ushort* from, int count)
    {
        var part = stackalloc ushort[8];
        new ReadOnlySpan<ushort>(from, count).CopyTo(new Span<ushort>(part, 8));
        return Widen(Vector128.Load(part));
    }

    private static void StorePart(ushort* into, int count, Vector256<float> values)
    {
        var bits = Narrow(values);
        for (var index = 0; index < count; index++)
            into[index] = bits[index];
    }
}
