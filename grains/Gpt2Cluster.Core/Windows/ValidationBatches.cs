using Gpt2Cluster.Core.Reduction;

namespace Gpt2Cluster.Core.Windows;

/// <summary>One of the fixed micro-batches to validate on.</summary>
/// <param name="Part">The part of the validation tokens, from 0.</param>
/// <param name="FirstWindow">Its first window within the part.</param>
/// <param name="WindowCount">Windows, 1 to B.</param>
public readonly record struct ValidationBatch(int Part, long FirstWindow, int WindowCount);

/// <summary>
/// The fixed micro-batches to validate on: those of one part behind those of the other, each of B windows, a part's
/// last one maybe shorter. None holds windows of two parts, whose windows may differ in length.
/// </summary>
public sealed class ValidationBatches
{
    private readonly WindowLayout[] parts;
    private readonly int[] ends;
    private readonly int batchSize;

    /// <summary>Cuts the parts.</summary>
    /// <param name="parts">The windows of each part, one or more.</param>
    /// <param name="batchSize">B, 1 or more.</param>
    public ValidationBatches(IEnumerable<WindowLayout> parts, int batchSize)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(batchSize, 1);
        this.parts = [.. parts];
        this.batchSize = batchSize;
        ends = new int[this.parts.Length];
        for (var part = 0; part < ends.Length; part++)
        {
            Count = checked(Count + (int)((this.parts[part].WindowCount + batchSize - 1) / batchSize));
            ends[part] = Count;
        }
    }

    /// <summary>The windows of each part.</summary>
    public IReadOnlyList<WindowLayout> Parts => parts;

    /// <summary>Micro-batches in all.</summary>
    public int Count { get; }

    /// <summary>Targets of all windows, each once: what a mean loss is over.</summary>
    public long TargetCount => parts.Sum(part => part.TargetCount);

    /// <summary>A micro-batch.</summary>
    public ValidationBatch this[int index]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfNegative(index);
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Count);
            var part = Array.FindIndex(ends, end => index < end);
            var first = (long)(index - Begin(part)) * batchSize;
            return new ValidationBatch(part, first, (int)Math.Min(batchSize, parts[part].WindowCount - first));
        }
    }

    /// <summary>Windows of a range of micro-batches.</summary>
    public long WindowCount(LeafRange range) => Before(range.End) - Before(range.First);

    private int Begin(int part) => part == 0 ? 0 : ends[part - 1];

    /// <summary>Windows of the micro-batches before one.</summary>
    private long Before(int index)
    {
        var windows = 0L;
        for (var part = 0; part < parts.Length && Begin(part) < index; part++)
            windows += Math.Min((long)(index - Begin(part)) * batchSize, parts[part].WindowCount);
        return windows;
    }
}
