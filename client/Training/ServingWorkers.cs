using Gpt2Cluster.Contracts.Cluster;
using Gpt2Cluster.Core.Devices;
using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Client.Training;

/// <summary>The workers of a cluster that would serve a run, as its coordinator chooses their class.</summary>
/// <param name="Devices">The class.</param>
/// <param name="Silos">Those that have such workers and stay, without their other workers.</param>
internal sealed record ServingWorkers(ChosenDevices Devices, IReadOnlyList<SiloDescription> Silos)
{
    /// <summary>Chooses.</summary>
    /// <param name="specification">The run.</param>
    /// <param name="silos">The cluster's silos; those that are leaving are left out.</param>
    /// <returns>Null while no class has enough workers.</returns>
    public static ServingWorkers? Of(RunSpecification specification, IEnumerable<SiloDescription> silos)
    {
        var staying = silos.Where(silo => !silo.IsLeaving).ToList();
        var available = staying.SelectMany(silo => silo.Workers).Select(worker => new AvailableDevice(
            worker.Kind, worker.Class ?? "", worker.BFloat16IsFast, worker.SpeedRank));
        var chosen = DeviceChoice.Choose(
            available, specification.Device, specification.Workers.Min, specification.Exact);
        return chosen is null ? null : new ServingWorkers(
            chosen,
            [
                .. staying
                    .Select(silo => silo with { Workers = [.. silo.Workers.Where(worker => IsOf(worker, chosen))] })
                    .Where(silo => silo.Workers.Length > 0),
            ]);
    }

    /// <summary>Which workers generate at a precision; null where all do.</summary>
    /// <param name="precision">The word of <c>--precision</c>; null for none.</param>
    public static Predicate<WorkerDescription>? Generating(string? precision) =>
        precision == PrecisionWords.Int8 ? worker => worker.Kind == DeviceKind.Cpu : null;

    private static bool IsOf(WorkerDescription worker, ChosenDevices devices) =>
        worker.Kind == devices.Kind && (devices.Class is null || devices.Class == (worker.Class ?? ""));
}
