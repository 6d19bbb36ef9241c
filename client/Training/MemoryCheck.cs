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
    /// Why a machine's memory is too small for its workers, in one sentence; null if all are large enough, or if cards
    /// would serve the run, whose memory is not estimated.
    /// </summary>
    /// <param name="specification">The run.</param>
    /// <param name="silos">The cluster's silos; one that does not say what memory it has counts as large
    /// enough.</param>
    public static string? Error(RunSpecification specification, IReadOnlyCollection<SiloDescription> silos)
    {
        if (Processors(specification, silos) is not { } serving)
            return null;
        var demand = DemandOf(specification, serving);
        return Machines(specification, serving)
            .Select(machine => MemoryEstimate.Error(
                $"The machine {machine.Name}", machine.MemoryBytes, machine.Workers, demand))
            .FirstOrDefault(error => error is not null);
    }

    /// <summary>
    /// What one worker takes at its peak, its silo included, bytes; null where it is not known that processors would
    /// serve the run.
    /// </summary>
    public static long? WorkerBytes(RunSpecification specification, IReadOnlyCollection<SiloDescription> silos) =>
        Processors(specification, silos) is { } serving
            ? MemoryEstimate.Of(DemandOf(specification, serving)).TotalBytes
            : null;

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

        if (Processors(specification, silos) is not { } serving)
            throw Unknown("no silo has a processor for the run; give --batch-size a number.");
        var machines = Machines(specification, serving);
        if (machines.Count == 0)
            throw Unknown("no silo says what memory it has; give --batch-size a number.");
        var demand = DemandOf(specification, serving);
        var windows = specification.TrainingWindows().WindowCount;
        var most = Math.Clamp(windows / specification.MicroBatchCount, 1, SpecificationCheck.MaxBatchSize);
        var fitting = machines.Min(machine => MemoryEstimate.LargestBatchSize(
            demand, machine.Workers, (long)(machine.MemoryBytes * FilledShare), (int)most));
        if (fitting == 0)
        {
            throw new UserErrorException(machines
                .Select(machine => MemoryEstimate.Error(
                    $"With a fifth of its memory kept free, the machine {machine.Name}",
                    (long)(machine.MemoryBytes * FilledShare),
                    machine.Workers,
                    demand with { BatchSize = 1 }))
                .First(error => error is not null)!);
        }

        return new FittingBatch(fitting, MemoryEstimate.Of(demand with { BatchSize = fitting }).TotalBytes);
    }

    private static UserErrorException Unknown(string why) =>
        new($"--batch-size auto cannot be settled: {why}");

    /// <summary>
    /// The processors that would serve the run; null where cards would, or may once there are enough workers. A run
    /// that can only wait for more processors will be served by those that are there, too.
    /// </summary>
    private static ServingWorkers? Processors(
        RunSpecification specification, IReadOnlyCollection<SiloDescription> silos)
    {
        var serving = ServingWorkers.Of(specification, silos);
        if (serving is null && (specification.Device == DeviceKind.Cpu || !silos.Any(HasCard)))
        {
            var started = specification with { Workers = specification.Workers with { Min = 1 } };
            serving = ServingWorkers.Of(started, silos);
        }

        return serving?.Devices.Kind == DeviceKind.Cpu ? serving : null;
    }

    private static MemoryDemand DemandOf(RunSpecification specification, ServingWorkers serving) =>
        MemoryEstimate.DemandOf(
            specification,
            specification.Precision ?? serving.Devices.Precision,
            Math.Min(specification.Workers.Max ?? int.MaxValue, serving.Silos.Count));

    /// <summary>The machines whose memory is known, and the workers of the run that each may have at most.</summary>
    private static List<(string Name, long MemoryBytes, MachineWorkers Workers)> Machines(
        RunSpecification specification, ServingWorkers serving)
    {
        var most = specification.Workers.Max ?? int.MaxValue;
        return
        [
            .. serving.Silos.Where(silo => silo.MachineMemoryBytes > 0)
                .GroupBy(silo => silo.MachineName)
                .Select(machine => (
                    machine.Key,
                    machine.Max(silo => silo.MachineMemoryBytes),
                    new MachineWorkers(
                        Math.Min(most, machine.Count()),
                        Math.Min(most, machine.Sum(silo => silo.Workers.Length))))),
        ];
    }

    private static bool HasCard(SiloDescription silo) =>
        !silo.IsLeaving && silo.Workers.Any(worker => ServingWorkers.KindOf(worker) != DeviceKind.Cpu);
}

/// <summary>What <c>--batch-size auto</c> came to.</summary>
/// <param name="Windows">Of a micro-batch, 1 or more.</param>
/// <param name="WorkerBytes">What a worker takes with them, as estimated.</param>
internal sealed record FittingBatch(int Windows, long WorkerBytes)
{
    /// <summary>The same in a sentence.</summary>
    public override string ToString() => FormattableString.Invariant(
        $"--batch-size auto is {Windows}: a worker takes about {WorkerBytes / 1e9:0.0} GB.");
}
