using System.Runtime.InteropServices;
using Gpt2Cluster.Core.Memory;

namespace Gpt2Cluster.Exchange.Averaging;

/// <summary>
/// Allocates averages on large pages where Linux grants them: every byte of them passes through the kernel's copies and
/// our sums once a step, and with pages of 4 KiB the address look-ups take a good part of that.
/// </summary>
internal static unsafe partial class LargeMemory
{
    private const int PageBytes = 2 << 20;
    private const int AdviseHugePage = 14;

    /// <summary>Zeroed fp32 elements; ordinary memory where there are no large pages.</summary>
    public static FlatBuffer Allocate(long length)
    {
        var pages = ((length * sizeof(float)) + PageBytes - 1) / PageBytes;
        var bytes = (nuint)(pages * PageBytes);
        var memory = NativeMemory.AlignedAlloc(bytes, PageBytes);

        // Advice only: if it is refused the memory is as good as any other.
        if (OperatingSystem.IsLinux())
            _ = Advise(memory, bytes, AdviseHugePage);
        NativeMemory.Clear(memory, bytes);
        return new FlatBuffer(memory, length, ElementType.Float32, () => NativeMemory.AlignedFree(memory));
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(void* memory, nuint bytes, int advice);
}
