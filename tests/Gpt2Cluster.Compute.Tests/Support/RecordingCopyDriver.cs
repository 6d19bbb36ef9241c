using System.Runtime.InteropServices;
using Gpt2Cluster.Compute.Devices;
using Gpt2Cluster.Core.Memory;

namespace Gpt2Cluster.Compute.Tests.Support;

/// <summary>
/// A driver whose copies are made as late as may be: when somebody waits for an event behind them; those of the stream
/// that computes at once, as a processor computes. It writes down what it is asked, and apart from the rest what it is
/// asked of tokens: copies up in the stream that computes, and the events behind them, numbered as they come.
/// </summary>
internal sealed unsafe class RecordingCopyDriver : ICopyDriver
{
    private readonly Lock gate = new();
    private readonly Queue<(nint Mark, Action Copy)> asked = [];
    private readonly List<string> log = [];
    private readonly List<string> tokenLog = [];
    private readonly List<nint> tokenMarks = [];
    private int lastHandle = 100;
    private int pinnedCount;
    private int allocatedCount;
    private bool isBehindTokens; // Nothing was asked of the stream that computes since tokens were copied.

    /// <summary>Called before each wait of the host but those for tokens, on its thread.</summary>
    public Action OnWait { get; set; } = () => { };

    /// <summary>Called when the end of a copy is marked.</summary>
    public Action OnRecord { get; set; } = () => { };

    /// <summary>Called before device memory is taken.</summary>
    public Action OnAllocate { get; set; } = () => { };

    /// <summary>Whether the device has failed: it answers whatever it is asked with an error.</summary>
    public bool IsLost { get; set; }

    /// <summary>How many streams and events were made.</summary>
    public int HandleCount => Volatile.Read(ref lastHandle);

    /// <summary>How many pinned buffers there may be at once.</summary>
    public int MostPinned { get; set; } = int.MaxValue;

    /// <summary>How many blocks of device memory there may be at once.</summary>
    public int MostAllocated { get; set; } = int.MaxValue;

    /// <summary>How many blocks of device memory there are.</summary>
    public int AllocatedCount => Volatile.Read(ref allocatedCount);

    /// <summary>How many pinned buffers there are.</summary>
    public int PinnedCount => Volatile.Read(ref pinnedCount);

    /// <summary>What was asked, in order.</summary>
    public string[] Log
    {
        get
        {
            lock (gate)
                return [.. log];
        }
    }

    /// <summary>What was asked of tokens, in order.</summary>
    public string[] TokenLog
    {
        get
        {
            lock (gate)
                return [.. tokenLog];
        }
    }

    /// <summary>Writes down what happened elsewhere.</summary>
    public void Note(string what)
    {
        lock (gate)
            log.Add(what);
    }

    public FlatBuffer Pinned(long length, ElementType type)
    {
        if (PinnedCount >= MostPinned)
            throw new InsufficientMemoryException("no pinned memory left");
        Interlocked.Increment(ref pinnedCount);
        var memory = FlatBuffer.Allocate(length, type);
        return new FlatBuffer(memory.Pointer, length, type, () =>
        {
            Interlocked.Decrement(ref pinnedCount);
            memory.Dispose();
        });
    }

    public nint Allocate(long bytes)
    {
        OnAllocate();
        if (AllocatedCount >= MostAllocated)
            throw new InsufficientMemoryException("no device memory left");
        Interlocked.Increment(ref allocatedCount);
        return (nint)NativeMemory.Alloc((nuint)bytes);
    }

    public void Free(nint device)
    {
        Interlocked.Decrement(ref allocatedCount);
        NativeMemory.Free((void*)device);
    }

    public nint NewStream() => Interlocked.Increment(ref lastHandle);

    public nint NewEvent() => Interlocked.Increment(ref lastHandle);

    public void Record(nint mark, nint stream)
    {
        ThrowIfLost();
        lock (gate)
        {
            if (stream == ICopyDriver.Arithmetic && isBehindTokens)
            {
                if (!tokenMarks.Contains(mark))
                    tokenMarks.Add(mark);
                tokenLog.Add($"mark {tokenMarks.IndexOf(mark) + 1}");
                isBehindTokens = false;
                return;
            }

            log.Add(stream == ICopyDriver.Arithmetic ? "computed" : "record");
            if (stream == ICopyDriver.Arithmetic)
                return;
            asked.Enqueue((mark, () => { }));
        }

        OnRecord();
    }

    public void StreamWait(nint stream, nint mark)
    {
        ThrowIfLost();
        lock (gate)
        {
            log.Add(stream == ICopyDriver.Arithmetic ? "arithmetic waits" : "stream waits");
            // What a processor is asked it does at once, and not before what it waits for.
            if (stream == ICopyDriver.Arithmetic)
                CopyUpTo(mark);
        }
    }

    public void CopyToDevice(nint device, void* host, long bytes, nint stream)
    {
        var (to, from) = (device, (nint)host);
        lock (gate)
        {
            if (stream == ICopyDriver.Arithmetic)
            {
                tokenLog.Add($"put {bytes}");
                Buffer.MemoryCopy((void*)from, (void*)to, bytes, bytes);
                isBehindTokens = true;
                return;
            }

            log.Add($"bring {bytes}");
            asked.Enqueue((0, () => Buffer.MemoryCopy((void*)from, (void*)to, bytes, bytes)));
        }
    }

    public void CopyToHost(void* host, nint device, long bytes, nint stream)
    {
        var (to, from) = ((nint)host, device);
        lock (gate)
        {
            log.Add($"copy {bytes}");
            asked.Enqueue((0, () => Buffer.MemoryCopy((void*)from, (void*)to, bytes, bytes)));
        }
    }

    public void CopyOnDevice(nint from, nint into, long bytes, nint stream)
    {
        lock (gate)
        {
            Assert.Equal(ICopyDriver.Arithmetic, stream);
            log.Add($"keep {bytes}");
            Buffer.MemoryCopy((void*)from, (void*)into, bytes, bytes);
        }
    }

    public void HostWait(nint mark)
    {
        ThrowIfLost();
        lock (gate)
        {
            if (tokenMarks.IndexOf(mark) is >= 0 and var number)
            {
                tokenLog.Add($"host waits for {number + 1}");
                return;
            }
        }

        OnWait();
        lock (gate)
        {
            if (!asked.Any(each => each.Mark == mark))
                return;
            log.Add("host waits");
            CopyUpTo(mark);
        }
    }

    public void Dispose() => Note("disposed");

    private void ThrowIfLost()
    {
        if (IsLost)
            throw new InvalidOperationException("CUDA driver error: unspecified launch failure (719)");
    }

    private void CopyUpTo(nint mark)
    {
        while (asked.TryDequeue(out var next))
        {
            next.Copy();
            if (next.Mark == mark)
                return;
        }
    }
}
