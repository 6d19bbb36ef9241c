using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;

namespace Gpt2Cluster.LocalCluster;

/// <summary>A process by number and start, so that a number the system used again is not taken for it.</summary>
/// <param name="ProcessId">Its number.</param>
/// <param name="Start">When it started, in a form of the system's own.</param>
internal sealed record ProcessIdentity(int ProcessId, string Start)
{
    /// <summary>Field 22 of /proc/PID/stat, counted from the field behind the name.</summary>
    private const int StartTimeField = 19;

    /// <summary>This process.</summary>
    public static ProcessIdentity Own => Of(Environment.ProcessId)
        ?? throw new InvalidOperationException("This process does not exist.");

    /// <summary>Whether it lives.</summary>
    public bool IsAlive => Of(ProcessId) == this;

    /// <summary>The process of a number; null if there is none, or only a dead one that waits to be reaped.</summary>
    public static ProcessIdentity? Of(int processId)
    {
        if (OperatingSystem.IsLinux())
            return FromProc(processId);
        try
        {
            using var process = Process.GetProcessById(processId);
            return new ProcessIdentity(
                processId, process.StartTime.ToUniversalTime().Ticks.ToString(CultureInfo.InvariantCulture));
        }
        catch (Exception problem) when (problem is ArgumentException or InvalidOperationException or Win32Exception)
        {
            return null;
        }
    }

    /// <summary>Ends it at once, if it lives.</summary>
    public void Kill()
    {
        if (!IsAlive)
            return;
        try
        {
            using var process = Process.GetProcessById(ProcessId);
            process.Kill();
        }
        catch (Exception problem) when (problem is ArgumentException or InvalidOperationException or Win32Exception)
        {
            // It ended by itself in between.
        }
    }

    private static ProcessIdentity? FromProc(int processId)
    {
        try
        {
            var stat = File.ReadAllText($"/proc/{processId.ToString(CultureInfo.InvariantCulture)}/stat");
            var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
            return fields[0] is "Z" or "X" ? null : new ProcessIdentity(processId, fields[StartTimeField]);
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
