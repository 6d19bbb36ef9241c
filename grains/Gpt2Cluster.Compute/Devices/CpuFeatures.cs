using System.Runtime.Intrinsics.X86;

namespace Gpt2Cluster.Compute.Devices;

/// <summary>What this processor can do.</summary>
internal static class CpuFeatures
{
    /// <summary>
    /// Whether it multiplies bf16 in hardware (AVX512_BF16 or AMX-BF16). Without, libtorch's bf16 products are an order
    /// of magnitude slower than its fp32 products.
    /// </summary>
    public static bool MultipliesBFloat16 { get; } = Avx512F.IsSupported && HasBFloat16Instructions();

    /// <summary>The widest instruction set of interest, as libtorch names it; it decides which products run.</summary>
    public static string InstructionSet =>
        MultipliesBFloat16 ? "AVX512_BF16" : Avx512F.IsSupported ? "AVX512" : Avx2.IsSupported ? "AVX2" : "DEFAULT";

    /// <summary>Greater is faster: by the products' instructions. Zero is the least.</summary>
    public static int SpeedRank => MultipliesBFloat16 ? 3 : Avx512F.IsSupported ? 2 : Avx2.IsSupported ? 1 : 0;

    /// <summary>The processor's name, for people.</summary>
    public static string Name { get; } = ReadName();

    // Intel's manual, CPUID leaf 7: AVX512_BF16 is sub-leaf 1, EAX bit 5; AMX-BF16 is sub-leaf 0, EDX bit 22.
    private static bool HasBFloat16Instructions()
    {
        if (!X86Base.IsSupported || X86Base.CpuId(0, 0).Eax < 7)
            return false;
        return (X86Base.CpuId(7, 1).Eax & (1 << 5)) != 0 || (X86Base.CpuId(7, 0).Edx & (1 << 22)) != 0;
    }

    private static string ReadName()
    {
        if (!X86Base.IsSupported)
            return System.Runtime.InteropServices.RuntimeInformation.ProcessArchitecture.ToString();
        var registers = new int[12];
        for (var leaf = 0; leaf < 3; leaf++)
        {
            var (eax, ebx, ecx, edx) = X86Base.CpuId(unchecked((int)0x80000002) + leaf, 0);
            new[] { eax, ebx, ecx, edx }.CopyTo(registers, 4 * leaf);
        }

        var bytes = System.Runtime.InteropServices.MemoryMarshal.AsBytes<int>(registers);
        return System.Text.Encoding.ASCII.GetString(bytes).TrimEnd('\0', ' ');
    }
}
