using Gpt2Cluster.Compute.Devices;
using Gpt2Cluster.Core.Memory;

namespace Gpt2Cluster.Compute.Tests.Support;

/// <summary>
/// A driver whose copies are made as late as may be: when somebody waits for an event behind them. It writes down what
/// it is asked.
/// </summary>
internal sealed unsafe class RecordingCopyDriver : ICopyDriver
{
    private readonly Lock gate = new();
    private readonly Queue<(nint Mark, Action Copy)> asked = [];
    private readonly List<string> log = [];
    private int lastHandle = 100;

    /// <summary>Called before each wait of the host, on its thread.</summary>
    public Action OnWait { get; set; } = () => { };

    /// <summary>Called when the end of a copy is marked.</summary>
    public Action OnRecord { get; set; } = () => { };

    /// <summary>What was asked, in order.</summary>
    public string[] Log
    {
        get
        {
            lock (gate)
                return [.. log];
        }
    }

    /// <summary>Writes down what happened elsewhere.</summary>
    public void Note(string what)
    {
        lock (gate)
            log.Add(what);
    }

    public FlatBuffer Pinned(long length, ElementType type) => FlatBuffer.Allocate(length, type);

    public nint NewStream() => Interlocked.Increment(ref lastHandle);

    public nint NewEvent() => Interlocked.Increment(ref lastHandle);

    public void Record(nint mark, nint stream)
    {
        lock (gate)
        {
            log.Add(stream == ICopyDriver.Arithmetic ? "computed" : "record");
            if (stream == ICopyDriver.Arithmetic)
                return;
            asked.Enqueue((mark, () => { }));
        }

        OnRecord();
    }

    public void StreamWait(nint stream, nint mark)
    {
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

    public void HostWait(nint mark)
    {
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
