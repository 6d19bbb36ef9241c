using System.Runtime.InteropServices;

namespace Gpt2Cluster.Silo.Hosting;

/// <summary>The two calls of the C library that .NET has no name for.</summary>
internal static partial class Native
{
    /// <summary>Leaves the terminal's process group, so that Ctrl+C there does not reach this process.</summary>
    public static void LeaveTerminal()
    {
        if (!OperatingSystem.IsWindows())
            _ = SetSid();
    }

    /// <summary>Ends the process at once; nothing is stopped in order.</summary>
    public static void EndNow(int exitCode)
    {
        Console.Out.Flush();
        if (OperatingSystem.IsWindows())
            Environment.Exit(exitCode);
        else
            Exit(exitCode);
    }

    [LibraryImport("libc", EntryPoint = "setsid")]
    private static partial int SetSid();

    [LibraryImport("libc", EntryPoint = "_exit")]
    private static partial void Exit(int status);
}
