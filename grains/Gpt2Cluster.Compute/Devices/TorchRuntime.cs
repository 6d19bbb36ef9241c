using System.Runtime.InteropServices;
using TorchSharp;

namespace Gpt2Cluster.Compute.Devices;

/// <summary>Brings libtorch up once per process, with the settings that must precede its first tensor.</summary>
internal static partial class TorchRuntime
{
    private const int TrimThreshold = -1;
    private const int TopPad = -2;
    private const int MmapThreshold = -3;
    private const int GiB = 1 << 30;

    // The C library's own variable: whoever sets it knows what blocks are to be given back.
    private const string MmapThresholdVariable = "MALLOC_MMAP_THRESHOLD_";

    private static readonly Lazy<bool> Started = new(Start);

    /// <summary>Version of libtorch.</summary>
    public static string Version => torch.__version__;

    /// <summary>Tensors alive in this process.</summary>
    public static long LiveTensorCount => torch.Tensor.TotalCount;

    /// <summary>Makes libtorch ready for the calling thread, which will use that many intra-op threads.</summary>
    public static void Prepare(int threads)
    {
        _ = Started.Value;
        torch.set_num_threads(threads);
    }

    private static bool Start()
    {
        if (OperatingSystem.IsLinux())
            PrepareLinux();
        torch.InitializeDeviceType(DeviceType.CPU);
        return true;
    }

    /// <summary>
    /// Large blocks stay in the heap: given back and taken again, they cost seconds of page faults a step. And idle
    /// OpenMP threads sleep instead of spinning, because our own kernels want the cores between two products.
    /// </summary>
    private static void PrepareLinux()
    {
        try
        {
            if (Environment.GetEnvironmentVariable(MmapThresholdVariable) is null)
            {
                _ = MallOpt(MmapThreshold, GiB);
                _ = MallOpt(TrimThreshold, int.MaxValue);
                _ = MallOpt(TopPad, GiB / 4);
            }

            _ = SetEnvironment("OMP_WAIT_POLICY", "passive", overwrite: 0);
        }
        catch (EntryPointNotFoundException)
        {
            // A C library without mallopt (musl) works without these settings, only slower.
        }
    }

    [LibraryImport("libc", EntryPoint = "mallopt")]
    private static partial int MallOpt(int parameter, int value);

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetEnvironment(string name, string value, int overwrite);
}
