using Gpt2Cluster.Contracts.Cluster;
using Gpt2Cluster.Core.Checkpoints;
using Gpt2Cluster.Core.Devices;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Core.Specification;
using Gpt2Cluster.Grains.Cluster;

namespace Gpt2Cluster.Grains.Runs;

/// <summary>
/// What the cluster chooses where the specification leaves it open: devices, precision and threads of a worker.
/// </summary>
internal static class RunDefaults
{
    /// <summary>
    /// The class of devices that is to serve a run, and a worker's threads there; null while no class has enough
    /// workers, or not all silos have introduced themselves.
    /// </summary>
    /// <param name="specification">As it was submitted.</param>
    /// <param name="cluster">The workers there are.</param>
    public static DevicesChosen? Choose(RunSpecification specification, ClusterView cluster)
    {
        if (!cluster.IsComplete)
            return null;
        var silos = cluster.Silos.Where(silo => !silo.IsLeaving).ToList();
        var devices = silos.SelectMany(silo => silo.Workers).Select(worker => new AvailableDevice(
            worker.Kind,
            worker.Class ?? "",
            worker.BFloat16IsFast,
            worker.SpeedRank));
        var chosen = DeviceChoice.Choose(
            devices, specification.Device, specification.Workers.Min, specification.Exact);
        return chosen is null
            ? null
            : new DevicesChosen(chosen, ThreadsOf(silos, new DeviceDemand(chosen.Kind.Word(), chosen.Class)));
    }

    /// <summary>Which devices may serve a run.</summary>
    public static DeviceDemand DemandOf(RunRecord record) =>
        new(record.Devices?.Kind.Word() ?? DeviceKinds.Auto, record.Devices?.Class);

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

    /// <summary>
    /// The cores of a machine over all of its workers, at least 1; of several machines with workers of the class the
    /// least.
    /// </summary>
    private static int ThreadsOf(IEnumerable<SiloDescription> silos, DeviceDemand devices) => silos
        .GroupBy(silo => silo.MachineName, StringComparer.Ordinal)
        .Where(machine => machine.SelectMany(silo => silo.Workers)
            .Any(worker => devices.Takes(worker.Kind, worker.Class)))
        .Select(machine => machine.Max(silo => silo.MachineCores) / machine.Sum(silo => silo.Workers.Length))
        .Select(threads => Math.Max(1, threads))
        .DefaultIfEmpty(1)
        .Min();
}
