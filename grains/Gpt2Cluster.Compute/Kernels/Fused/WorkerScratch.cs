using System.Runtime.InteropServices;

namespace Gpt2Cluster.Compute.Kernels.Fused;

/// <summary>
/// Memory of one thread, reused from task to task: it grows to the largest demand and starts undefined.
/// </summary>
internal sealed unsafe class WorkerScratch : IDisposable
{
    private byte* memory;
    private long capacity;

    /// <summary>The threads' scratch.</summary>
    public static WorkerScratch[] For(int threads) =>
        [.. Enumerable.Range(0, threads).Select(_ => new WorkerScratch())];

    /// <summary>Makes room for <paramref name="bytes"/>; what was there is lost.</summary>
    public Pieces Reserve(long bytes)
    {
        if (bytes > capacity)
        {
            Dispose();
            memory = (byte*)NativeMemory.AlignedAlloc((nuint)bytes, Pieces.Alignment);
            capacity = bytes;
        }

        return new Pieces(memory, bytes);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        NativeMemory.AlignedFree(memory);
        memory = null;
        capacity = 0;
    }
}

/// <summary>Hands out aligned pieces of a scratch, first to last.</summary>
/// <param name="start">The first byte.</param>
/// <param name="bytes">How many there are.</param>
internal unsafe ref struct Pieces(byte* start, long bytes)
{
    /// <summary>Pieces start at cache lines.</summary>
    public const int Alignment = 64;

    private readonly byte* end = start + bytes;
    private byte* next = start;

    /// <summary>The next <paramref name="count"/> bf16 numbers.</summary>
    public ushort* BFloat16(long count) => (ushort*)Take(Size<ushort>(count));

    /// <summary>The next <paramref name="count"/> fp32 numbers.</summary>
    public float* Float32(long count) => (float*)Take(Size<float>(count));

    /// <summary>What such a piece takes, bytes.</summary>
    public static long Size<T>(long count)
        where T : unmanaged => ((count * sizeof(T)) + Alignment - 1) / Alignment * Alignment;

    private byte* Take(long bytes)
    {
        if (bytes > end - next)
            throw new InvalidOperationException("A scratch was reserved too small.");
        var piece = next;
        next += bytes;
        return piece;
    }
}
