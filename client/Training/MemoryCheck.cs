using Gpt2Cluster.Contracts.Cluster;
using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Devices;
using Gpt2Cluster.Core.Memory;
using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Client.Training;

/// <summary>Whether the machines of a cluster have the memory that a run takes, before it begins.</summary>
internal static class MemoryCheck
{
    /// <summary>
    /// The share of a machine's memory that <c>--batch-size auto</c> fills: the rest is for the system, for files that
    /// are read and written, and for what the estimate is short of.
    /// </summary>
    public const double FilledShare = 0.8;

    /// <summary>
    /// Why a machine's memory is too small for its workers, in one sentence; null if all are large enough.
    /// </summary>
    /// <param name="specification">The run.</param>
    /// <param name="silos">The cluster's silos; one that does not say what memory it has counts as large
    /// enough.</param>
    public static string? Error(RunSpecification specification, IReadOnlyCollection<SiloDescription> silos)
    {
        var demand = DemandOf(specification, silos);
        return Machines(specification, silos)
            .Select(machine => MemoryEstimate.Error(
                $"The machine {machine.Name}", machine.MemoryBytes, machine.WorkerCount, demand))
            .FirstOrDefault(error => error is not null);
    }

    /// <summary>What one worker takes at its peak, its silo included, bytes.</summary>
    public static long WorkerBytes(RunSpecification specification, IReadOnlyCollection<SiloDescription> silos) =>
        MemoryEstimate.Of(DemandOf(specification, silos)).TotalBytes;

    /// <summary>
    /// What <c>--batch-size auto</c> means: the most windows a micro-batch whose estimate stays within
    /// <see cref="FilledShare"/> of the memory on every machine that may serve the run. A step takes no window twice
    /// where the dataset is large enough for that.
    /// </summary>
    /// <param name="specification">The run; its own batch size does not matter.</param>
    /// <param name="silos">The cluster's silos.</param>
    /// <exception cref="UserErrorException">Not even one window fits, or nobody knows what would fit: a silo does not
    /// say its memory, or cards may serve the run.</exception>
    public static FittingBatch LargestBatch(
        RunSpecification specification, IReadOnlyCollection<SiloDescription> silos)
    {
        if (specification.Device != DeviceKind.Cpu && silos.FirstOrDefault(HasCard) is { } cards)
        {
            throw Unknown(
                $"{cards.Name} has cards, whose memory is not estimated; give --batch-size a number, or --device cpu.");
        }

        var machines = Machines(specification, silos);
        if (machines.Count == 0)
            throw Unknown("no silo says what memory it has; give --batch-size a number.");
        var demand = DemandOf(specification, silos);
        var windows = specification.TrainingWindows().WindowCount;
        var most = Math.Clamp(windows / specification.MicroBatchCount, 1, SpecificationCheck.MaxBatchSize);
        var fitting = machines.Min(machine => MemoryEstimate.LargestBatchSize(
            demand, (long)(machine.MemoryBytes * FilledShare) / machine.WorkerCount, (int)most));
        if (fitting == 0)
        {
            throw new UserErrorException(machines
                .Select(machine => MemoryEstimate.Error(
                    $"With a fifth of its memory kept free, the machine {machine.Name}",
                    (long)(machine.MemoryBytes * FilledShare),
                    machine.WorkerCount,
                    demand with { BatchSize = 1 }))
                .First(error => error is not null)!);
        }

        return new FittingBatch(fitting, MemoryEstimate.Of(demand with { BatchSize = fitting }).TotalBytes);
    }

    private static UserErrorException Unknown(string why) =>
        new($"--batch-size auto cannot be settled: {why}");

    private static MemoryDemand DemandOf(
        RunSpecification specification, IReadOnlyCollection<SiloDescription> silos)
    {
        var serving = Serving(silos);
        return MemoryEstimate.DemandOf(
            specification,
            specification.Precision ?? PrecisionOf(serving),
            Math.Min(specification.Workers.Max ?? int.MaxValue, serving.Count));
    }

    /// <summary>The machines whose memory is known, and how many workers of the run each may have.</summary>
    private static List<(string Name, long MemoryBytes, int WorkerCount)> Machines(
        RunSpecification specification, IReadOnlyCollection<SiloDescription> silos) =>
    [
        .. Serving(silos).Where(silo => silo.MachineMemoryBytes > 0)
            .GroupBy(silo => silo.MachineName)
            .Select(machine => (
                machine.Key,
                machine.Max(silo => silo.MachineMemoryBytes),
                Math.Min(
                    specification.Workers.Max ?? int.MaxValue,
                    machine.Sum(silo => silo.Workers.Count(IsProcessor))))),
    ];

    private static List<SiloDescription> Serving(IEnumerable<SiloDescription> silos) =>
        [.. silos.Where(silo => silo.Workers.Any(IsProcessor))];

    private static bool HasCard(SiloDescription silo) => silo.Workers.Any(worker => !IsProcessor(worker));

    private static bool IsProcessor(WorkerDescription worker) => worker.Kind == "cpu";

    private static Precision PrecisionOf(IEnumerable<SiloDescription> silos) =>
        silos.SelectMany(silo => silo.Workers).Where(IsProcessor).All(worker => worker.BFloat16IsFast)
            ? Precision.BFloat16
            : Precision.Float32;
}

/// <summary>What <c>--batch-size auto</c> came to.</summary>
/// <param name="Windows">Of a micro-batch, 1 or more.</param>
/// <param name="WorkerBytes">What a worker takes with them, as estimated.</param>
internal sealed record FittingBatch(int Windows, long WorkerBytes);
