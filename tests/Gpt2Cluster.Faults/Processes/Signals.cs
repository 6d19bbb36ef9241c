using System.Runtime.InteropServices;

namespace Gpt2Cluster.Faults.Processes;

/// <summary>Signals to processes.</summary>
internal static partial class Signals
{
    private const int KillSignal = 9;
    private const int ContinueSignal = 18;
    private const int StopSignal = 19;

    /// <summary>SIGKILL.</summary>
    public static void Kill(int process) => Send(process, KillSignal);

    /// <summary>SIGSTOP.</summary>
    public static void Freeze(int process) => Send(process, StopSignal);

    /// <summary>SIGCONT.</summary>
    public static void Thaw(int process) => Send(process, ContinueSignal);

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int Send(int process, int signal);
}
