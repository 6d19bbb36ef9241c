using System.Runtime.InteropServices;

namespace Gpt2Cluster.Silo.Lifetime;

/// <summary>The two calls of the C library that .NET has no name for.</summary>
internal static partial class Native
{
    /// <summary>
    /// Leaves the process group of whoever started this process, so that Ctrl+C in its terminal does not come here. The
    /// session stays: Linux shares the processor between sessions before it looks at niceness, and several silos of one
    /// machine must stand back for each other's messages.
    /// </summary>
    public static void LeaveProcessGroup()
    {
        if (!OperatingSystem.IsWindows())
            _ = SetProcessGroup(0, 0);
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

    /// <summary>Twice 0: this process, in a group of its own.</summary>
    [LibraryImport("libc", EntryPoint = "setpgid")]
    private static partial int SetProcessGroup(int processId, int groupId);

    [LibraryImport("libc", EntryPoint = "_exit")]
    private static partial void Exit(int status);
}
