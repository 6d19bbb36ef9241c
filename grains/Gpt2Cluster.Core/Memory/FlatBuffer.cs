using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Gpt2Cluster.Core.Memory;

/// <summary>The element types a <see cref="FlatBuffer"/> holds.</summary>
public enum ElementType
{
    /// <summary>IEEE 754 binary32, 4 bytes.</summary>
    Float32,

    /// <summary>The upper half of a binary32, 2 bytes.</summary>
    BFloat16,
}

/// <summary>
/// One contiguous run of elements in unmanaged memory: all parameters, all gradients or all moments of a model, in the
/// order of <see cref="Model.ParameterLayout"/>. Longer than a span can be, so it is read and written in ranges.
/// </summary>
/// <remarks>
/// The buffer has one owner, who disposes it. It may wrap memory that belongs to something else (a tensor); then
/// <c>release</c> tells the owner of that memory.
/// </remarks>
public sealed unsafe class FlatBuffer : IDisposable
{
    /// <summary>
    /// Alignment in bytes of buffers made by <see cref="Allocate"/>: a cache line and one AVX-512 register.
    /// </summary>
    public const int AlignmentBytes = 64;

    private Action? release;
    private void* pointer;

    /// <summary>Wraps memory that belongs to somebody else.</summary>
    /// <param name="pointer">The first element.</param>
    /// <param name="length">Elements, 0 or more.</param>
    /// <param name="elementType">What an element is.</param>
    /// <param name="release">Called once when the buffer is disposed; null if nothing is to be released.</param>
    public FlatBuffer(void* pointer, long length, ElementType elementType, Action? release = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        this.pointer = pointer;
        this.release = release;
        Length = length;
        ElementType = elementType;
    }

    /// <summary>How many elements there are.</summary>
    public long Length { get; }

    /// <summary>What an element is.</summary>
    public ElementType ElementType { get; }

    /// <summary>Bytes of one element: 4 or 2.</summary>
    public int ElementBytes => ElementType == ElementType.Float32 ? 4 : 2;

    /// <summary>Bytes of the whole buffer.</summary>
    public long LengthBytes => Length * ElementBytes;

    /// <summary>The first element.</summary>
    /// <exception cref="ObjectDisposedException">The buffer was disposed.</exception>
    public void* Pointer
    {
        get
        {
            ObjectDisposedException.ThrowIf(pointer == null && Length > 0, this);
            return pointer;
        }
    }

    /// <summary>Allocates zeroed memory, aligned to <see cref="AlignmentBytes"/>.</summary>
    /// <param name="length">Elements, 0 or more.</param>
    /// <param name="elementType">What an element is.</param>
    public static FlatBuffer Allocate(long length, ElementType elementType = ElementType.Float32)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        var bytes = (nuint)(length * (elementType == ElementType.Float32 ? 4 : 2));
        var memory = NativeMemory.AlignedAlloc(Math.Max(bytes, 1), AlignmentBytes);
        NativeMemory.Clear(memory, bytes);
        return new FlatBuffer(memory, length, elementType, () => NativeMemory.AlignedFree(memory));
    }

    /// <summary>The fp32 elements from <paramref name="start"/> on.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The range leaves the buffer.</exception>
    /// <exception cref="InvalidOperationException">The buffer does not hold fp32.</exception>
    public Span<float> Floats(long start, int count)
    {
        if (ElementType != ElementType.Float32)
            throw new InvalidOperationException($"The buffer holds {ElementType}, not Float32.");
        CheckRange(start, count);
        return new Span<float>((float*)Pointer + start, count);
    }

    /// <summary>The raw bytes of the elements from <paramref name="start"/> on.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The range leaves the buffer.</exception>
    public Span<byte> Bytes(long start, int count)
    {
        CheckRange(start, count);
        return new Span<byte>((byte*)Pointer + (start * ElementBytes), checked(count * ElementBytes));
    }

    /// <summary>The bf16 elements from <paramref name="start"/> on, as their 16 bits.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The range leaves the buffer.</exception>
    /// <exception cref="InvalidOperationException">The buffer does not hold bf16.</exception>
    public Span<ushort> BFloat16Bits(long start, int count)
    {
        if (ElementType != ElementType.BFloat16)
            throw new InvalidOperationException($"The buffer holds {ElementType}, not BFloat16.");
        CheckRange(start, count);
        return new Span<ushort>((ushort*)Pointer + start, count);
    }

    /// <summary>Releases the memory. A second call does nothing.</summary>
    public void Dispose()
    {
        var action = Interlocked.Exchange(ref release, null);
        pointer = null;
        action?.Invoke();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void CheckRange(long start, int count)
    {
        if (start < 0 || count < 0 || start + count > Length)
            throw new ArgumentOutOfRangeException(nameof(start), $"{start}+{count} leaves a buffer of {Length}.");
    }
}
