using System.Globalization;
using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Core.Checkpoints;

/// <summary>
/// The room a run needs on a disk before it begins: that of the checkpoints it keeps, of the best by validation beside
/// them, and of the one that is being written, for a new one is written before an old one is deleted.
/// </summary>
public static class DiskSpace
{
    /// <summary>
    /// Checkpoints that must fit side by side: <c>--keep</c>, the best and one being written, but no more than the run
    /// writes, and one for a pause.
    /// </summary>
    public static long CheckpointCount(RunSpecification specification)
    {
        ArgumentNullException.ThrowIfNull(specification);
        var (steps, every) = (specification.Steps, specification.SaveEvery);
        var plannedCount = every > 0 ? (steps / every) + (steps % every == 0 ? 0 : 1) : 1;
        return Math.Min(specification.Keep + (HasBest(specification) ? 1L : 0L) + 1L, plannedCount + 1);
    }

    /// <summary>
    /// Bytes of one checkpoint's tensors: the trained parameters and, for AdamW, two moments of each, all fp32.
    /// </summary>
    public static long CheckpointBytes(RunSpecification specification)
    {
        ArgumentNullException.ThrowIfNull(specification);
        var parts = specification.Optimizer.Kind == OptimizerKind.AdamW ? 3L : 1L;
        return parts * sizeof(float) * specification.Parameters().Trained.Length;
    }

    /// <summary>Why a disk has too little room for a run; null if it has enough.</summary>
    /// <param name="place">Whose disk it is, as the sentence begins.</param>
    /// <param name="freeBytes">What is free on it.</param>
    /// <param name="specification">The run.</param>
    public static string? Error(string place, long freeBytes, RunSpecification specification)
    {
        var count = CheckpointCount(specification);
        var neededBytes = (double)count * CheckpointBytes(specification);
        var best = HasBest(specification) ? ", the best" : "";
        return freeBytes >= neededBytes
            ? null
            : $"{place} has {Megabytes(freeBytes)} MB free and {count} checkpoints of this run take "
            + $"{Megabytes(neededBytes)} MB (--keep {specification.Keep}{best}, and one being written); free some, "
            + "lower --keep, or choose another folder with --data.";
    }

    private static bool HasBest(RunSpecification specification) =>
        specification.ValidateEvery > 0 && specification.ValidationBatches() is not null;

    private static string Megabytes(double bytes) =>
        Math.Ceiling(bytes / 1e6).ToString("#,0", CultureInfo.InvariantCulture);
}
