using System.Runtime.InteropServices;
using Gpt2Cluster.Core.Ports;

namespace Gpt2Cluster.Grains.Workers;

/// <summary>
/// Lets a thread, and those it starts, stand back when cores are short. Tensor work would fill every core, and stripes
/// what is left: messages and probes must find one at once.
/// </summary>
public static partial class ThreadNiceness
{
    /// <summary>
    /// Of 19: enough that a thread of ordinary priority is served first, and nothing is lost on idle cores.
    /// </summary>
    public const int Compute = 10;

    /// <summary>Between messages and compute: what others wait for comes before what fills the time.</summary>
    public const int Stripes = 5;

    /// <summary>
    /// Ordinary: a thread that launches kernels does little and must not wait for a core, or its card idles.
    /// </summary>
    public const int Launching = 0;

    private const int ThisThread = 0;

    /// <summary>The niceness of a worker's or job's thread, by what its device is.</summary>
    /// <param name="devices">The silo's.</param>
    /// <param name="index">The device's number.</param>
    public static int Of(IEnumerable<Device> devices, int index) =>
        devices.Any(device => device.Index == index && device.IsCard) ? Launching : Compute;

    /// <summary>The calling thread's niceness on Linux, 0 elsewhere.</summary>
    public static int Get() => OperatingSystem.IsLinux() ? GetPriority(ThisThread, 0) : 0;

    /// <summary>
    /// Sets the calling thread's niceness on Linux; a refusal is harmless, elsewhere it does nothing.
    /// </summary>
    public static void Set(int niceness)
    {
        if (OperatingSystem.IsLinux())
            _ = SetPriority(ThisThread, 0, niceness);
    }

    /// <summary>On Linux, process 0 of kind PRIO_PROCESS is the calling thread.</summary>
    [LibraryImport("libc", EntryPoint = "setpriority")]
    private static partial int SetPriority(int which, uint who, int priority);

    [LibraryImport("libc", EntryPoint = "getpriority")]
    private static partial int GetPriority(int which, uint who);
}
