using Gpt2Cluster.Core.Reduction;

namespace Gpt2Cluster.Exchange.Averaging;

/// <summary>The passes over one stripe, on sums that are fp32 or bf16.</summary>
internal static class StripeMath
{
    /// <summary>
    /// Elements that are added and divided before the next are touched: 16 KiB stay in the first cache.
    /// </summary>
    private const int ChunkElements = 4096;

    /// <summary>
    /// <c>into = left + right</c>. IEEE addition commutes, so a bf16 left operand may stand on the right.
    /// </summary>
    public static void Add(in StripeValue left, in StripeValue right, Span<float> into)
    {
        for (var start = 0; start < into.Length; start += ChunkElements)
            AddChunk(left, right, start, into.Slice(start, Math.Min(ChunkElements, into.Length - start)));
    }

    /// <summary><c>into = (left + right) / M</c>, or <c>left / M</c>, in one pass.</summary>
    public static void Average(in StripeValue left, in StripeValue? right, Span<float> into, int leafCount)
    {
        for (var start = 0; start < into.Length; start += ChunkElements)
        {
            var chunk = into.Slice(start, Math.Min(ChunkElements, into.Length - start));
            if (right is { } second)
                AddChunk(left, second, start, chunk);
            else if (left.IsBFloat16)
                VectorSum.Widen(left.BFloat16Bits(start, chunk.Length), chunk);
            else
                left.Floats(start, chunk.Length).CopyTo(chunk);
            if (leafCount > 1)
                VectorSum.Divide(chunk, leafCount);
        }
    }

    private static void AddChunk(in StripeValue left, in StripeValue right, int start, Span<float> chunk)
    {
        var count = chunk.Length;
        switch (left.IsBFloat16, right.IsBFloat16)
        {
            case (false, false):
                VectorSum.Add(left.Floats(start, count), right.Floats(start, count), chunk);
                break;
            case (false, true):
                VectorSum.Add(left.Floats(start, count), right.BFloat16Bits(start, count), chunk);
                break;
            case (true, false):
                VectorSum.Add(right.Floats(start, count), left.BFloat16Bits(start, count), chunk);
                break;
            default:
                VectorSum.Add(left.BFloat16Bits(start, count), right.BFloat16Bits(start, count), chunk);
                break;
        }
    }
}
