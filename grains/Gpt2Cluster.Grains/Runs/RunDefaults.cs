using Gpt2Cluster.Contracts.Cluster;
using Gpt2Cluster.Core.Checkpoints;
using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Grains.Runs;

/// <summary>
/// What the cluster chooses where the specification leaves it open: precision and threads of a worker.
/// </summary>
internal static class RunDefaults
{
    /// <summary>Completes a new run's specification.</summary>
    /// <param name="specification">As it was submitted.</param>
    /// <param name="cluster">The workers there are.</param>
    public static RunSpecification Complete(RunSpecification specification, ClusterView cluster) => specification with
    {
        Precision = specification.Precision ?? FastPrecision(cluster),
        ThreadsPerWorker = specification.ThreadsPerWorker ?? ThreadsOf(cluster),
    };

    /// <summary>Completes a submission that goes on with a run: what it leaves open is as it was.</summary>
    public static RunSpecification Complete(RunSpecification specification, RunSpecification stored) =>
        specification with
        {
            Precision = specification.Precision ?? stored.Precision,
            ThreadsPerWorker = specification.ThreadsPerWorker ?? stored.ThreadsPerWorker,
        };

    /// <summary>
    /// Why the cluster's disks cannot hold the run's checkpoints: there must be room on each for all that may lie there
    /// at once; null if they can.
    /// </summary>
    public static string? DiskError(RunSpecification specification, ClusterView cluster)
    {
        var least = cluster.Silos.Where(silo => silo.Workers.Length > 0).MinBy(silo => silo.FreeDiskBytes);
        return least is null
            ? null
            : DiskSpace.Error($"The disk of {least.Name}", least.FreeDiskBytes, specification);
    }

    /// <summary>bf16 where every device is fast at it.</summary>
    private static Precision FastPrecision(ClusterView cluster)
    {
        var workers = cluster.Silos.SelectMany(silo => silo.Workers).ToList();
        return workers.Count > 0 && workers.TrueForAll(worker => worker.BFloat16IsFast)
            ? Precision.BFloat16
            : Precision.Float32;
    }

    /// <summary>The cores of a machine over its workers, at least 1; of several machines the least.</summary>
    private static int ThreadsOf(ClusterView cluster) => cluster.Silos
        .Where(silo => silo.Workers.Length > 0)
        .GroupBy(silo => silo.MachineName, StringComparer.Ordinal)
        .Select(machine => machine.Max(silo => silo.MachineCores) / machine.Sum(silo => silo.Workers.Length))
        .Select(threads => Math.Max(1, threads))
        .DefaultIfEmpty(1)
        .Min();
}
