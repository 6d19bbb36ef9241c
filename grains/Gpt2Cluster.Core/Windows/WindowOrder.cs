namespace Gpt2Cluster.Core.Windows;

/// <summary>A window of one of a run's sources.</summary>
/// <param name="Source">The source, from 0.</param>
/// <param name="Window">The window within it, from 0.</param>
public readonly record struct SourceWindow(int Source, long Window);

/// <summary>
/// Which windows a micro-batch holds: a function of the seed, the step and the micro-batch alone. Slot
/// <c>k = ((s - 1) M + m) B + j</c> belongs to a source by the <see cref="SourceSchedule"/>; the source's n-th slot,
/// from 0, takes position <c>n mod W</c> of the source's own permutation of epoch <c>floor(n / W)</c>, W being its
/// windows. So each epoch of a source uses each of its windows exactly once, and a global batch may straddle two.
/// </summary>
public sealed class WindowOrder
{
    private readonly SourceSchedule schedule;
    private readonly long[] windowCounts;

    /// <summary>Fixes the order of the windows of one source.</summary>
    /// <param name="windowCount">W, 1 or more.</param>
    /// <param name="seed">The run's seed.</param>
    /// <param name="microBatchCount">M, 1 or more.</param>
    /// <param name="batchSize">B, 1 or more.</param>
    public WindowOrder(long windowCount, ulong seed, int microBatchCount, int batchSize)
        : this(new SourceSchedule([1]), [windowCount], seed, microBatchCount, batchSize)
    {
    }

    /// <summary>Fixes the order of the windows of several sources.</summary>
    /// <param name="schedule">Which slots a source has.</param>
    /// <param name="windowCounts">W of each source, 1 or more.</param>
    /// <param name="seed">The run's seed.</param>
    /// <param name="microBatchCount">M, 1 or more.</param>
    /// <param name="batchSize">B, 1 or more.</param>
    public WindowOrder(
        SourceSchedule schedule, IEnumerable<long> windowCounts, ulong seed, int microBatchCount, int batchSize)
    {
        ArgumentNullException.ThrowIfNull(schedule);
        this.schedule = schedule;
        this.windowCounts = [.. windowCounts];
        ArgumentOutOfRangeException.ThrowIfNotEqual(this.windowCounts.Length, schedule.SourceCount);
        Array.ForEach(this.windowCounts, count => ArgumentOutOfRangeException.ThrowIfLessThan(count, 1));
        ArgumentOutOfRangeException.ThrowIfLessThan(microBatchCount, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(batchSize, 1);
        Seed = seed;
        MicroBatchCount = microBatchCount;
        BatchSize = batchSize;
    }

    /// <summary>W of each source.</summary>
    public IReadOnlyList<long> WindowCounts => windowCounts;

    /// <summary>The run's seed.</summary>
    public ulong Seed { get; }

    /// <summary>M, micro-batches of a step.</summary>
    public int MicroBatchCount { get; }

    /// <summary>B, windows of a micro-batch.</summary>
    public int BatchSize { get; }

    /// <summary>Windows of one step.</summary>
    public long SlotsPerStep => (long)MicroBatchCount * BatchSize;

    /// <summary>The window in slot <paramref name="slot"/>, counted from 0 at the start of the run.</summary>
    public SourceWindow Window(long slot)
    {
        var (source, ordinal) = schedule[slot];
        var (epoch, position) = Math.DivRem(ordinal, windowCounts[source]);
        return new SourceWindow(
            source, new KeyedPermutation(windowCounts[source], Seed, epoch, source)[position]);
    }

    /// <summary>The B windows of a micro-batch, in order.</summary>
    /// <param name="step">From 1.</param>
    /// <param name="microBatch">0 to M - 1.</param>
    public SourceWindow[] MicroBatch(long step, int microBatch)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(step, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(microBatch);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(microBatch, MicroBatchCount);
        var first = (((step - 1) * MicroBatchCount) + microBatch) * BatchSize;
        var windows = new SourceWindow[BatchSize];
        for (var index = 0; index < BatchSize; index++)
            windows[index] = Window(first + index);
        return windows;
    }

    /// <summary>
    /// How many passes over each source are done when <paramref name="step"/> is, with their fractions.
    /// </summary>
    public double[] EpochsDone(long step) =>
        [.. schedule.Counts(step * SlotsPerStep).Select((slots, source) => (double)slots / windowCounts[source])];
}
