using System.Runtime.InteropServices;

namespace Gpt2Cluster.LocalCluster;

/// <summary>The calls of the C library that .NET has no name for.</summary>
internal static partial class Native
{
    private const int TerminateSignal = 15;

    /// <summary>Begins a session of its own, so that Ctrl+C and a closed terminal do not reach this process.</summary>
    public static void LeaveTerminal()
    {
        if (!OperatingSystem.IsWindows())
            _ = SetSid();
    }

    /// <summary>Asks a process to end in good order.</summary>
    public static void AskToEnd(ProcessIdentity process)
    {
        if (!process.IsAlive)
            return;
        if (OperatingSystem.IsWindows())
            process.Kill();
        else
            _ = Kill(process.ProcessId, TerminateSignal);
    }

    [LibraryImport("libc", EntryPoint = "setsid")]
    private static partial int SetSid();

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int processId, int signal);
}
