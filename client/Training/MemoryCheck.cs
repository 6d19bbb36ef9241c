using Gpt2Cluster.Contracts.Cluster;
using Gpt2Cluster.Core.Memory;
using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Client.Training;

/// <summary>Whether the machines of a cluster have the memory that a run takes, before it begins.</summary>
internal static class MemoryCheck
{
    /// <summary>
    /// Why a machine's memory is too small for its workers, in one sentence; null if all are large enough.
    /// </summary>
    /// <param name="specification">The run.</param>
    /// <param name="silos">The cluster's silos; one that does not say what memory it has counts as large
    /// enough.</param>
    public static string? Error(RunSpecification specification, IReadOnlyCollection<SiloDescription> silos)
    {
        var serving = silos.Where(silo => silo.Workers.Any(IsProcessor)).ToList();
        var most = specification.Workers.Max ?? int.MaxValue;
        var demand = MemoryEstimate.DemandOf(
            specification,
            specification.Precision ?? PrecisionOf(serving),
            Math.Min(most, serving.Count));
        return serving.Where(silo => silo.MachineMemoryBytes > 0)
            .GroupBy(silo => silo.MachineName)
            .Select(machine => MemoryEstimate.Error(
                $"The machine {machine.Key}",
                machine.Max(silo => silo.MachineMemoryBytes),
                Math.Min(most, machine.Sum(silo => silo.Workers.Count(IsProcessor))),
                demand))
            .FirstOrDefault(error => error is not null);
    }

    private static bool IsProcessor(WorkerDescription worker) => worker.Kind == "cpu";

    private static Precision PrecisionOf(IEnumerable<SiloDescription> silos) =>
        silos.SelectMany(silo => silo.Workers).Where(IsProcessor).All(worker => worker.BFloat16IsFast)
            ? Precision.BFloat16
            : Precision.Float32;
}
