using System.Runtime.InteropServices;
using TorchSharp;

namespace Gpt2Cluster.Compute.Torch;

/// <summary>
/// libtorch's own switches that make a card compute the same bits every time. TorchSharp has none of them; libtorch
/// exports them under C++ names that the pinned version decides. They hold for the whole process, so that they are
/// thrown only where a card is used.
/// </summary>
internal static unsafe partial class TorchSwitches
{
    // A fixed workspace: without it, products under the first switch throw.
    private const string WorkspaceVariable = "CUBLAS_WORKSPACE_CONFIG";
    private const string Workspace = ":4096:8";

    private static readonly Lazy<bool> Thrown = new(() =>
    {
        SetWorkspace();
        Set(isDeterministic: true);
        return true;
    });

    /// <summary>Throws them once a process, before the first product on a card.</summary>
    /// <exception cref="EntryPointNotFoundException">This libtorch has another name for one.</exception>
    public static void MakeDeterministic() => _ = Thrown.Value;

    /// <summary>
    /// All switches at once: the same kernels every time, no filling of fresh memory, neither cuDNN's attention nor its
    /// search for the fastest convolution, no sums of bf16 in bf16, no TF32; or what libtorch begins with.
    /// </summary>
    internal static void Set(bool isDeterministic)
    {
        Set("_ZN2at7Context26setDeterministicAlgorithmsEbb", isDeterministic, false);
        Set("_ZN2at7Context39setDeterministicFillUninitializedMemoryEb", !isDeterministic);
        Set("_ZN2at7Context14setSDPUseCuDNNEb", !isDeterministic);
        Set("_ZN2at7Context17setBenchmarkCuDNNEb", false);
        Set("_ZN2at7Context27setAllowBF16ReductionCuBLASEbb", !isDeterministic, !isDeterministic);
        Set("_ZN2at7Context18setAllowTF32CuBLASEb", false);
    }

    /// <summary>Whether only deterministic kernels run.</summary>
    internal static bool IsDeterministic => Get("_ZNK2at7Context23deterministicAlgorithmsEv") != 0;

    /// <summary>Whether fresh memory is filled.</summary>
    internal static bool FillsFreshMemory => Get("_ZNK2at7Context36deterministicFillUninitializedMemoryEv") != 0;

    /// <summary>Whether attention may be cuDNN's.</summary>
    internal static bool UsesCuDnnAttention => Get("_ZNK2at7Context19userEnabledCuDNNSDPEv") != 0;

    /// <summary>Whether products of fp32 may be TF32's.</summary>
    internal static bool AllowsTf32 => Get("_ZNK2at7Context15allowTF32CuBLASEv") != 0;

    /// <summary>Whether partial sums of bf16 products may be bf16.</summary>
    internal static bool SumsBFloat16Narrowly => Get("_ZNK2at7Context24allowBF16ReductionCuBLASEv") != 2;

    private static nint Context => ((delegate* unmanaged<nint>)Find("_ZN2at13globalContextEv"))();

    private static void Set(string name, bool value) =>
        ((delegate* unmanaged<nint, byte, void>)Find(name))(Context, value ? (byte)1 : (byte)0);

    private static void Set(string name, bool first, bool second) =>
        ((delegate* unmanaged<nint, byte, byte, void>)Find(name))(
            Context, first ? (byte)1 : (byte)0, second ? (byte)1 : (byte)0);

    private static byte Get(string name) => ((delegate* unmanaged<nint, byte>)Find(name))(Context);

    private static nint Find(string name)
    {
        if (NativeLibrary.TryLoad("libtorch_cpu.so", out var library)
            && NativeLibrary.TryGetExport(library, name, out var function))
            return function;
        throw new EntryPointNotFoundException(
            $"libtorch {torch.__version__} has no {name}: a card would not repeat its bits.");
    }

    private static void SetWorkspace()
    {
        if (OperatingSystem.IsLinux())
            _ = SetEnvironment(WorkspaceVariable, Workspace, overwrite: 1);
    }

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetEnvironment(string name, string value, int overwrite);
}
