using System.Globalization;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Core.Checkpoints;

/// <summary>
/// The room a run needs on a disk before it begins: two checkpoints, for a new one is written before an old one is
/// deleted.
/// </summary>
public static class DiskSpace
{
    /// <summary>Checkpoints that must fit side by side.</summary>
    public const int CheckpointCount = 2;

    /// <summary>Bytes of one checkpoint's tensors: the parameters and, for AdamW, two moments, all fp32.</summary>
    public static long CheckpointBytes(ModelShape shape, OptimizerKind optimizer) =>
        (optimizer == OptimizerKind.AdamW ? 3L : 1L) * sizeof(float) * new ParameterLayout(shape).Length;

    /// <summary>Why a disk has too little room for a run; null if it has enough.</summary>
    /// <param name="place">Whose disk it is, as the sentence begins.</param>
    /// <param name="freeBytes">What is free on it.</param>
    /// <param name="shape">The run's model.</param>
    /// <param name="optimizer">The run's optimizer.</param>
    public static string? Error(string place, long freeBytes, ModelShape shape, OptimizerKind optimizer)
    {
        var neededBytes = CheckpointCount * CheckpointBytes(shape, optimizer);
        return freeBytes >= neededBytes
            ? null
            : $"{place} has {Megabytes(freeBytes)} MB free and two checkpoints of this run take "
            + $"{Megabytes(neededBytes)} MB; free some, or choose another folder with --data.";
    }

    private static string Megabytes(long bytes) =>
        Math.Ceiling(bytes / 1e6).ToString("#,0", CultureInfo.InvariantCulture);
}
