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

    /// <summary>The elements from <paramref name="index"/> on of a row of <paramref name="count"/>.</summary>
    static abstract Vector256<float> Load(byte* row, int index, int count);

    /// <summary>Sixteen elements; where the order of a sum allows them.</summary>
    static abstract Vector512<float> LoadSixteen(byte* row, int index, int count);

    /// <summary>Writes the elements from <paramref name="index"/> on of a row of <paramref name="count"/>.</summary>
    static abstract void Store(byte* row, int index, int count, Vector256<float> values);

    /// <summary>One element.</summary>
    static abstract float Read(byte* row, int index);

    /// <summary>Writes one element.</summary>
    static abstract void Write(byte* row, int index, float value);
}

/// <summary>
/// IEEE 754 binary32, in rows of a multiple of eight: nothing is checked, which makes the kernels twice as fast.
/// </summary>
internal readonly unsafe struct Float32Element : IElement
{
    /// <inheritdoc/>
    public static int Bytes => sizeof(float);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Load(byte* row, int index, int count) => Vector256.Load((float*)row + index);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> LoadSixteen(byte* row, int index, int count) => Vector512.Load((float*)row + index);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(byte* row, int index, int count, Vector256<float> values) =>
        values.Store((float*)row + index);

    /// <inheritdoc/>
    public static float Read(byte* row, int index) => ((float*)row)[index];

    /// <inheritdoc/>
    public static void Write(byte* row, int index, float value) => ((float*)row)[index] = value;
}

/// <summary>The upper half of a binary32, rounded to nearest even, in rows of a multiple of eight.</summary>
internal readonly unsafe struct BFloat16Element : IElement
{
    /// <inheritdoc/>
    public static int Bytes => sizeof(ushort);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Load(byte* row, int index, int count)
    {
        var bits = Vector256.WidenLower(Vector128.Load((ushort*)row + index).ToVector256Unsafe()); // One instruction.
        return (bits << 16).AsSingle();
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> LoadSixteen(byte* row, int index, int count)
    {
        var bits = Vector512.WidenLower(Vector256.Load((ushort*)row + index).ToVector512Unsafe());
        return (bits << 16).AsSingle();
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(byte* row, int index, int count, Vector256<float> values)
    {
        var bits = Round(values).AsUInt32() >> 16;
        Vector128.Narrow(bits.GetLower(), bits.GetUpper()).Store((ushort*)row + index);
    }

    /// <inheritdoc/>
    public static float Read(byte* row, int index) =>
        BitConverter.UInt32BitsToSingle((uint)((ushort*)row)[index] << 16);

    /// <inheritdoc/>
    public static void Write(byte* row, int index, float value) => ((ushort*)row)[index] =
        (ushort)(BitConverter.SingleToUInt32Bits(Round(Vector256.Create(value))[0]) >> 16);

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
}

/// <summary>The same elements in rows of any length: the last vector of a row is read and written one by one.</summary>
internal readonly unsafe struct AnyLength<T> : IElement
    where T : struct, IElement
{
    /// <inheritdoc/>
    public static int Bytes => T.Bytes;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Load(byte* row, int index, int count) =>
        index + 8 <= count ? T.Load(row, index, count) : LoadPart(row, index, count);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> LoadSixteen(byte* row, int index, int count) => index + 16 <= count
        ? T.LoadSixteen(row, index, count)
        : Vector512.Create(Load(row, index, count), Load(row, index + 8, count));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(byte* row, int index, int count, Vector256<float> values)
    {
        if (index + 8 <= count)
            T.Store(row, index, count, values);
        else
            StorePart(row, index, count, values);
    }

    /// <inheritdoc/>
    public static float Read(byte* row, int index) => T.Read(row, index);

    /// <inheritdoc/>
    public static void Write(byte* row, int index, float value) => T.Write(row, index, value);

    private static Vector256<float> LoadPart(byte* row, int index, int count)
    {
        var part = stackalloc float[8];
        new Span<float>(part, 8).Clear();
        for (var lane = 0; index + lane < count; lane++)
            part[lane] = T.Read(row, index + lane);
        return Vector256.Load(part);
    }

    private static void StorePart(byte* row, int index, int count, Vector256<float> values)
    {
        for (var lane = 0; index + lane < count; lane++)
            T.Write(row, index + lane, values[lane]);
    }
}
