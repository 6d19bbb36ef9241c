using System.Globalization;
using System.Runtime.InteropServices;

namespace Gpt2Cluster.Slow.Tests.Faults;

/// <summary>
/// A limit on the private memory of another process (RLIMIT_DATA), counted from what it has; lifted when disposed.
/// </summary>
internal sealed partial class ProcessLimit : IDisposable
{
    private const int Data = 2;
    private const ulong Infinity = ulong.MaxValue;

    private readonly int process;

    /// <summary>Lets a process have so many more bytes than it has now.</summary>
    public ProcessLimit(int process, long moreBytes)
    {
        this.process = process;
        Set((ulong)(DataBytes(process) + moreBytes));
    }

    /// <inheritdoc/>
    public void Dispose() => Set(Infinity);

    /// <summary>What the kernel compares with the limit: VmData of its status, which is in KiB.</summary>
    private static long DataBytes(int process)
    {
        var line = File.ReadLines($"/proc/{process}/status")
            .Single(one => one.StartsWith("VmData:", StringComparison.Ordinal));
        var kibibytes = line.Split(':')[1].Replace("kB", "", StringComparison.Ordinal).Trim();
        return long.Parse(kibibytes, CultureInfo.InvariantCulture) << 10;
    }

    private void Set(ulong bytes)
    {
        // Nobody may raise the hard limit again without privileges: only the soft one is touched.
        var limit = new Limit(bytes, Infinity);
        Assert.Equal(0, Change(process, Data, in limit, 0));
    }

    [LibraryImport("libc", EntryPoint = "prlimit", SetLastError = true)]
    private static partial int Change(int process, int resource, in Limit limit, nint before);

    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct Limit(ulong Soft, ulong Hard);
}
