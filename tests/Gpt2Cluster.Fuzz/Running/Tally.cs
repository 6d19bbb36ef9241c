using System.IO.MemoryMappedFiles;

namespace Gpt2Cluster.Fuzz.Running;

/// <summary>The numbers of a worker, which outlive it: they lie in a file that both processes have mapped.</summary>
internal sealed class Tally : IDisposable
{
    private const int Fields = 10;

    private readonly MemoryMappedFile file;
    private readonly MemoryMappedViewAccessor view;

    /// <summary>Opens it, or makes it.</summary>
    /// <param name="path">Its file.</param>
    public Tally(string path)
    {
        file = MemoryMappedFile.CreateFromFile(path, FileMode.OpenOrCreate, null, Fields * sizeof(long));
        view = file.CreateViewAccessor();
    }

    /// <summary>The input that is being read, or comes next.</summary>
    public long Index
    {
        get => view.ReadInt64(0);
        set => view.Write(0, value);
    }

    /// <summary>Inputs that were read whole.</summary>
    public long Read
    {
        get => view.ReadInt64(8);
        set => view.Write(8, value);
    }

    /// <summary>Inputs that were refused.</summary>
    public long Refused
    {
        get => view.ReadInt64(16);
        set => view.Write(16, value);
    }

    /// <summary>What the slowest input took, in ticks.</summary>
    public long SlowestTicks
    {
        get => view.ReadInt64(24);
        set => view.Write(24, value);
    }

    /// <summary>Which one that was.</summary>
    public long SlowestIndex
    {
        get => view.ReadInt64(32);
        set => view.Write(32, value);
    }

    /// <summary>What the largest input allocated in all.</summary>
    public long LargestBytes
    {
        get => view.ReadInt64(40);
        set => view.Write(40, value);
    }

    /// <summary>Which one that was.</summary>
    public long LargestIndex
    {
        get => view.ReadInt64(48);
        set => view.Write(48, value);
    }

    /// <summary>Most that the process held above what it held before the first input.</summary>
    public long GrowthBytes
    {
        get => view.ReadInt64(56);
        set => view.Write(56, value);
    }

    /// <summary>Whether the worker has begun with inputs.</summary>
    public bool HasBegun
    {
        get => view.ReadInt64(64) != 0;
        set => view.Write(64, value ? 1L : 0L);
    }

    /// <summary>Inputs that a library took too much over.</summary>
    public long Limited
    {
        get => view.ReadInt64(72);
        set => view.Write(72, value);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        view.Dispose();
        file.Dispose();
    }
}
