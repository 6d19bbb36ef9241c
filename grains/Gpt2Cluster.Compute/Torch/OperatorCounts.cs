namespace Gpt2Cluster.Compute.Torch;

/// <summary>What is read from a device.</summary>
internal enum HostRead
{
    /// <summary>Losses of rows.</summary>
    Losses,

    /// <summary>Sums of gradients.</summary>
    Gradients,

    /// <summary>Parameters and moments.</summary>
    State,

    /// <summary>Sums of squares of a gradient's blocks.</summary>
    Norm,
}

/// <summary>What a torch backend handed to libtorch since <see cref="Reset"/>, on any thread.</summary>
internal sealed class OperatorCounts
{
    private readonly long[] bytes = new long[Enum.GetValues<HostRead>().Length];

    private int operators;
    private int hostWaits;

    /// <summary>Arithmetic and copies; views and allocations are not counted.</summary>
    public int Operators => Volatile.Read(ref operators);

    /// <summary>How often the host waited for the device: copies between pageable memory and it, both ways.</summary>
    public int HostWaits => Volatile.Read(ref hostWaits);

    /// <summary>Bytes that went to the host.</summary>
    public long BytesToHost(HostRead kind) => Volatile.Read(ref bytes[(int)kind]);

    /// <summary>Counts from zero. Nobody may count meanwhile.</summary>
    public void Reset()
    {
        (operators, hostWaits) = (0, 0);
        Array.Clear(bytes);
    }

    /// <summary>One more operator.</summary>
    public void Add() => Interlocked.Increment(ref operators);

    /// <summary>One more copy that the host waits for.</summary>
    public void AddWait()
    {
        Add();
        Interlocked.Increment(ref hostWaits);
    }

    /// <summary>One more copy to the host that the thread which computes does not wait for.</summary>
    public void AddCopy(HostRead kind, long count)
    {
        Add();
        Interlocked.Add(ref bytes[(int)kind], count);
    }

    /// <summary>One more copy to the host.</summary>
    public void AddRead(HostRead kind, long count)
    {
        AddWait();
        Interlocked.Add(ref bytes[(int)kind], count);
    }
}
