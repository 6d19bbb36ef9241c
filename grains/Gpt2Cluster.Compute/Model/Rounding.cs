using Gpt2Cluster.Compute.Kernels;

namespace Gpt2Cluster.Compute.Model;

/// <summary>Rounding fp32 to bf16, to nearest even.</summary>
internal static unsafe class Rounding
{
    /// <summary>Into bf16's 16 bits.</summary>
    public static void ToBFloat16(ReadOnlySpan<float> from, Span<ushort> into)
    {
        var whole = from.Length - (from.Length % 8);
        fixed (float* source = from)
        fixed (ushort* target = into)
        {
            for (var i = 0; i < whole; i += 8)
                BFloat16Element.Store((byte*)target, i, whole, Float32Element.Load((byte*)source, i, whole));
            for (var i = whole; i < from.Length; i++)
                BFloat16Element.Write((byte*)target, i, source[i]);
        }
    }

    /// <summary>Into fp32 that bf16 could hold.</summary>
    public static void Round(ReadOnlySpan<float> from, Span<float> into)
    {
        var whole = from.Length - (from.Length % 8);
        fixed (float* source = from, target = into)
        {
            for (var i = 0; i < whole; i += 8)
            {
                var rounded = BFloat16Element.Round(Float32Element.Load((byte*)source, i, whole));
                Float32Element.Store((byte*)target, i, whole, rounded);
            }

            for (var i = whole; i < from.Length; i++)
                target[i] = BFloat16Element.Round(System.Runtime.Intrinsics.Vector256.Create(source[i]))[0];
        }
    }
}
