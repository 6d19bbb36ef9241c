using System.Runtime.InteropServices;

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

    private const int ThisThread = 0;

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
}
