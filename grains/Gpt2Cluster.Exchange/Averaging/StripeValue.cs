using Gpt2Cluster.Core.Memory;
using Gpt2Cluster.Core.Reduction;

namespace Gpt2Cluster.Exchange.Averaging;

/// <summary>
/// One stripe of one subtree's sum: in a worker's buffer, by reference, or in a pooled one that it owns.
/// </summary>
/// <param name="pointer">The first element.</param>
/// <param name="elementType">What an element is.</param>
/// <param name="pool">Where the memory goes back to; null if it is a worker's.</param>
internal readonly unsafe struct StripeValue(void* pointer, ElementType elementType, StripePool? pool)
{
    /// <summary>A stripe of a buffer, by reference.</summary>
    public static StripeValue In(FlatBuffer buffer, ElementRange range) =>
        new((byte*)buffer.Pointer + (range.Start * buffer.ElementBytes), buffer.ElementType, pool: null);

    /// <summary>Whether the memory may be overwritten with fp32.</summary>
    public bool IsScratch => pool is not null && elementType == ElementType.Float32;

    /// <summary>Whether the elements are bf16.</summary>
    public bool IsBFloat16 => elementType == ElementType.BFloat16;

    /// <summary>The first element.</summary>
    public void* Pointer => pointer;

    /// <summary>The elements from <paramref name="start"/> on, as fp32.</summary>
    public Span<float> Floats(int start, int count) => new((float*)pointer + start, count);

    /// <summary>The elements from <paramref name="start"/> on, as the 16 bits of bf16.</summary>
    public Span<ushort> BFloat16Bits(int start, int count) => new((ushort*)pointer + start, count);

    /// <summary>Gives pooled memory back.</summary>
    public void Release()
    {
        if (pool is not null)
            pool.Return(pointer);
    }
}
