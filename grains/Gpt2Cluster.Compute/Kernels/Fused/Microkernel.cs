using System.Runtime.InteropServices;
using Gpt2Cluster.Compute.Devices;

namespace Gpt2Cluster.Compute.Kernels.Fused;

/// <summary>
/// A small matrix product of bf16 numbers with fp32 sums, by the oneDNN microkernel inside libtorch: AVX512_BF16 or AMX
/// instructions, which .NET has no intrinsics for. libtorch exports the function for its own compiled graphs, under a
/// C++ name that the pinned version decides.
/// </summary>
/// <remarks>
/// libtorch keeps what it has compiled for each combination of shape, strides and addition, 19 kB each, on every thread
/// and for ever: callers keep these few.
/// On operands in cache it reaches 230 GFLOP/s on a Zen 4 core, where libtorch's whole products reach 213, and what
/// follows a product finds its sums in the first-level cache, in fp32 (docs/decisions/0032-fused-kernels.md).
/// </remarks>
internal static unsafe class Microkernel
{
    // void at::native::cpublas::brgemm(M, N, K, lda, ldb, ldc, add, const BFloat16*, const BFloat16*, float*, vnni)
    private const string MultiplyName = "_ZN2at6native7cpublas6brgemmEllllllbPKN3c108BFloat16ES5_Pfb";

    // void at::native::cpublas::brgemm_release(bool)
    private const string ReleaseName = "_ZN2at6native7cpublas14brgemm_releaseEb";

    private static readonly string[] UnlimitedNames = ["ALL", "DEFAULT", "BF16", "FP16", "AMX", "AVX10"];
    private static readonly (nint Multiply, nint Release) Functions = Find();

    /// <summary>
    /// Whether libtorch has it, the processor multiplies bf16, and nobody told oneDNN to do without: refused, it would
    /// end the process. libtorch must have been prepared.
    /// </summary>
    public static bool IsAvailable { get; } =
        Functions.Multiply != 0 && CpuFeatures.MultipliesBFloat16 && MayUseBFloat16();

    /// <summary><c>c = a b</c>, or <c>c += a b</c>. Without the microkernel a plain loop, for tests.</summary>
    /// <param name="a">(rows, depth), row-major, <paramref name="strideA"/> elements from row to row.</param>
    /// <param name="strideA">At least depth.</param>
    /// <param name="b">(depth / 2, columns, 2), packed by <see cref="Packing"/>.</param>
    /// <param name="strideB">Columns of the packed matrix.</param>
    /// <param name="c">(rows, columns), fp32, row-major.</param>
    /// <param name="strideC">At least columns.</param>
    /// <param name="shape">Rows, columns and depth; depth is even.</param>
    /// <param name="add">Whether the sums start at what <paramref name="c"/> holds.</param>
    public static void Multiply(
        ushort* a,
        int strideA,
        ushort* b,
        int strideB,
        float* c,
        int strideC,
        (int Rows, int Columns, int Depth) shape,
        bool add = false)
    {
        if (!IsAvailable)
        {
            MultiplyPlainly(a, strideA, b, strideB, c, strideC, shape, add);
            return;
        }

        ((delegate* unmanaged<
            long, long, long, long, long, long, byte, ushort*, ushort*, float*, byte, void>)Functions.Multiply)(
            shape.Rows, shape.Columns, shape.Depth, strideA, strideB, strideC, add ? (byte)1 : (byte)0, a, b, c, 1);
    }

    /// <summary>
    /// Ends this thread's series of products: with AMX, another product of libtorch on this thread would find the
    /// tiles configured for ours.
    /// </summary>
    public static void Release()
    {
        if (IsAvailable && Functions.Release != 0)
            ((delegate* unmanaged<byte, void>)Functions.Release)(1);
    }

    /// <summary>oneDNN's own limit on instruction sets, a variable of the environment.</summary>
    private static bool MayUseBFloat16()
    {
        var limit = Environment.GetEnvironmentVariable("ONEDNN_MAX_CPU_ISA")
            ?? Environment.GetEnvironmentVariable("DNNL_MAX_CPU_ISA");
        return string.IsNullOrEmpty(limit)
            || UnlimitedNames.Any(name => limit.Contains(name, StringComparison.OrdinalIgnoreCase));
    }

    private static (nint Multiply, nint Release) Find()
    {
        if (!OperatingSystem.IsLinux() || !NativeLibrary.TryLoad("libtorch_cpu.so", out var library))
            return default;
        return NativeLibrary.TryGetExport(library, MultiplyName, out var multiply)
            && NativeLibrary.TryGetExport(library, ReleaseName, out var release)
                ? (multiply, release)
                : default;
    }

    private static void MultiplyPlainly(
        ushort* a,
        int strideA,
        ushort* b,
        int strideB,
        float* c,
        int strideC,
        (int Rows, int Columns, int Depth) shape,
        bool add)
    {
        for (var row = 0; row < shape.Rows; row++)
        {
            for (var column = 0; column < shape.Columns; column++)
            {
                var sum = add ? c[((long)row * strideC) + column] : 0;
                for (var k = 0; k < shape.Depth; k++)
                {
                    var right = b[((long)(k / 2) * strideB * 2) + (2 * column) + (k % 2)];
                    sum += Lanes.Widen(a[((long)row * strideA) + k]) * Lanes.Widen(right);
                }

                c[((long)row * strideC) + column] = sum;
            }
        }
    }
}
