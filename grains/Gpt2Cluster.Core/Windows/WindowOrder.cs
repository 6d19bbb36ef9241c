namespace Gpt2Cluster.Core.Windows;

/// <summary>
/// Which windows a micro-batch holds: a function of the seed, the step and the micro-batch alone. Slot
/// <c>k = ((s - 1) M + m) B + j</c> takes position <c>k mod W</c> of the permutation of epoch <c>floor(k / W)</c>, so
/// each epoch uses every window exactly once, and a global batch may straddle two epochs.
/// </summary>
public sealed record WindowOrder
{
    /// <summary>Fixes the order.</summary>
    /// <param name="windowCount">W, 1 or more.</param>
    /// <param name="seed">The run's seed.</param>
    /// <param name="microBatchCount">M, 1 or more.</param>
    /// <param name="batchSize">B, 1 or more.</param>
    public WindowOrder(long windowCount, ulong seed, int microBatchCount, int batchSize)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(windowCount, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(microBatchCount, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(batchSize, 1);
        WindowCount = windowCount;
        Seed = seed;
        MicroBatchCount = microBatchCount;
        BatchSize = batchSize;
    }

    /// <summary>W.</summary>
    public long WindowCount { get; }

    /// <summary>The run's seed.</summary>
    public ulong Seed { get; }

    /// <summary>M, micro-batches of a step.</summary>
    public int MicroBatchCount { get; }

    /// <summary>B, windows of a micro-batch.</summary>
    public int BatchSize { get; }

    /// <summary>Windows of one step.</summary>
    public long SlotsPerStep => (long)MicroBatchCount * BatchSize;

    /// <summary>The window in slot <paramref name="slot"/>, counted from 0 at the start of the run.</summary>
    public long Window(long slot)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(slot);
        return new KeyedPermutation(WindowCount, Seed, slot / WindowCount)[slot % WindowCount];
    }

    /// <summary>The B windows of a micro-batch, in order.</summary>
    /// <param name="step">From 1.</param>
    /// <param name="microBatch">0 to M - 1.</param>
    public long[] MicroBatch(long step, int microBatch)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(step, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(microBatch);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(microBatch, MicroBatchCount);
        var first = (((step - 1) * MicroBatchCount) + microBatch) * BatchSize;
        var windows = new long[BatchSize];
        for (var index = 0; index < BatchSize; index++)
            windows[index] = Window(first + index);
        return windows;
    }

    /// <summary>The epoch, from 0, that the first window of <paramref name="step"/> belongs to.</summary>
    public long Epoch(long step) => (step - 1) * SlotsPerStep / WindowCount;

    /// <summary>How many passes over the data are done when <paramref name="step"/> is, with its fraction.</summary>
    public double EpochsDone(long step) => (double)step * SlotsPerStep / WindowCount;
}
