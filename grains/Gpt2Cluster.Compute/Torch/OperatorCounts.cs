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

/// <summary>What a torch backend handed to libtorch since <see cref="Reset"/>.</summary>
internal sealed class OperatorCounts
{
    private readonly long[] bytes = new long[Enum.GetValues<HostRead>().Length];

    /// <summary>Arithmetic and copies; views and allocations are not counted.</summary>
    public int Operators { get; private set; }

    /// <summary>How often the host waited for the device: copies between pageable memory and it, both ways.</summary>
    public int HostWaits { get; private set; }

    /// <summary>Bytes that went to the host.</summary>
    public long BytesToHost(HostRead kind) => bytes[(int)kind];

    /// <summary>Counts from zero.</summary>
    public void Reset()
    {
        (Operators, HostWaits) = (0, 0);
        Array.Clear(bytes);
    }

    /// <summary>One more operator.</summary>
    public void Add() => Operators++;

    /// <summary>One more copy that the host waits for.</summary>
    public void AddWait()
    {
        Operators++;
        HostWaits++;
    }

    /// <summary>One more copy to the host that nobody waits for.</summary>
    public void AddCopy(HostRead kind, long count)
    {
        Operators++;
        bytes[(int)kind] += count;
    }

    /// <summary>One more copy to the host.</summary>
    public void AddRead(HostRead kind, long count)
    {
        AddWait();
        bytes[(int)kind] += count;
    }
}
