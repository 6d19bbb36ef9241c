using Gpt2Cluster.Contracts.Cluster;
using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Devices;
using Gpt2Cluster.Core.Memory;
using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Client.Training;

/// <summary>Whether the machines and cards of a cluster have the memory that a run takes, before it begins.</summary>
internal static class MemoryCheck
{
    /// <summary>
    /// The share of a memory that <c>--batch-size auto</c> fills: the rest is for the system, for files that are read
    /// and written, and for what the estimate is short of.
    /// </summary>
    public const double FilledShare = 0.8;

    /// <summary>
    /// Tokens of a micro-batch that fill a card: more make a step longer in the same measure. 16 windows of 1,024, as
    /// llm.c and nanoGPT train GPT-2.
    /// </summary>
    public const int FillingTokens = 16 * 1024;

    /// <summary>
    /// Steps that a pass over the data has at least where a default fills a card: fewer would learn too little of it.
    /// </summary>
    public const int LeastStepsOfPass = 16;

    /// <summary>
    /// Why a machine's or a card's memory is too small for its workers, in one sentence; null if all are large enough.
    /// </summary>
    /// <param name="specification">The run.</param>
    /// <param name="silos">The cluster's silos; a machine or a card that does not say what memory it has counts as
    /// large enough.</param>
    public static string? Error(RunSpecification specification, IReadOnlyCollection<SiloDescription> silos)
    {
        if (Serving(specification, silos) is not { } serving)
            return null;
        var demand = DemandOf(specification, serving);
        if (IsByCards(serving))
            demand = demand with { WritesCheckpoints = false }; // What does not fit there is copied to the host.
        return Places(specification, serving)
            .Select(place => place.Error(demand))
            .FirstOrDefault(error => error is not null);
    }

    /// <summary>
    /// What one worker takes at its peak, bytes: of a processor with its silo, of a card the card's memory; null where
    /// it is not known what would serve the run.
    /// </summary>
    public static long? WorkerBytes(RunSpecification specification, IReadOnlyCollection<SiloDescription> silos) =>
        Serving(specification, silos) is { } serving ? WorkerBytes(serving, DemandOf(specification, serving)) : null;

    /// <summary>
    /// What <c>--batch-size auto</c> means: the most windows a micro-batch whose estimate stays within
    /// <see cref="FilledShare"/> of the memory of every machine and card that may serve the run. A step takes no window
    /// twice where the dataset is large enough for that.
    /// </summary>
    /// <param name="specification">The run; its own batch size does not matter.</param>
    /// <param name="silos">The cluster's silos.</param>
    /// <exception cref="UserErrorException">Not even one window fits, or nobody knows what would fit: a machine or a
    /// card does not say its memory, or it is open what would serve the run.</exception>
    public static FittingBatch LargestBatch(
        RunSpecification specification, IReadOnlyCollection<SiloDescription> silos)
    {
        if (Serving(specification, silos) is not { } serving)
        {
            throw Unknown(specification.Device != DeviceKind.Cpu && silos.Any(HasCard)
                ? "there are fewer cards than --workers asks for; give --batch-size a number, or --device cpu."
                : "no silo has a device for the run; give --batch-size a number.");
        }

        var places = Places(specification, serving);
        if (SilentCard(serving) is { } silent)
            throw Unknown($"the card {silent.Key} does not say what memory it has; give --batch-size a number.");
        if (places.Count == 0)
            throw Unknown("no silo says what memory it has; give --batch-size a number.");
        var demand = DemandOf(specification, serving);
        var most = MostWindows(specification);
        var fitting = Fitting(places, demand, most);
        if (fitting == 0)
        {
            var one = demand with { BatchSize = 1 };
            var reason = places.Select(place => place.Error(one, FilledShare)).First(error => error is not null)!;
            throw new UserErrorException($"With a fifth of its memory kept free, {LowerFirst(reason)}");
        }

        var taken = WorkerBytes(serving, demand with { BatchSize = fitting });
        var bound = fitting == most ? ", so that no step takes a window twice" : "";
        return new FittingBatch(
            fitting, taken, $"--batch-size auto is {fitting}{bound}: a worker takes about {Gigabytes(taken)}.");
    }

    /// <summary>
    /// What <c>--batch-size</c> is where nobody names it and cards serve the run: as many windows as fill a card and
    /// fit it, without making the passes over a small dataset shorter than <see cref="LeastStepsOfPass"/>; null where
    /// the default is as good, or nothing more is known.
    /// </summary>
    /// <param name="specification">The run, with the default.</param>
    /// <param name="silos">The cluster's silos.</param>
    public static FittingBatch? FillingBatch(
        RunSpecification specification, IReadOnlyCollection<SiloDescription> silos)
    {
        if (Serving(specification, silos) is not { } serving || !IsByCards(serving) || SilentCard(serving) is not null)
            return null;
        var demand = DemandOf(specification, serving);
        var wanted = Math.Min(
            FillingTokens / specification.SequenceLength, MostWindows(specification) / LeastStepsOfPass);
        var most = Math.Max(specification.BatchSize, wanted);
        var fitting = Math.Max(1, Fitting(Places(specification, serving), demand, most));
        if (fitting == specification.BatchSize)
            return null;
        var taken = WorkerBytes(serving, demand with { BatchSize = fitting });
        return new FittingBatch(
            fitting,
            taken,
            $"--batch-size is {fitting} on these cards: a worker takes about {Gigabytes(taken)} of one.");
    }

    private static UserErrorException Unknown(string why) =>
        new($"--batch-size auto cannot be settled: {why}");

    private static string LowerFirst(string sentence) => char.ToLowerInvariant(sentence[0]) + sentence[1..];

    private static string Gigabytes(long bytes) => FormattableString.Invariant($"{bytes / 1e9:0.0} GB");

    private static int Fitting(IEnumerable<MemoryPlace> places, MemoryDemand demand, int most) =>
        places.Min(place => place.LargestBatchSize(demand, FilledShare, most));

    /// <summary>Windows of a micro-batch with which one step takes every window of the dataset.</summary>
    private static int MostWindows(RunSpecification specification) => (int)Math.Clamp(
        specification.WindowsOfFirstPass() / specification.MicroBatchCount,
        1,
        SpecificationCheck.MaxBatchSize);

    private static bool IsByCards(ServingWorkers serving) => serving.Devices.Kind != DeviceKind.Cpu;

    private static WorkerDescription? SilentCard(ServingWorkers serving) => IsByCards(serving)
        ? serving.Silos.SelectMany(silo => silo.Workers).FirstOrDefault(worker => worker.CardMemoryBytes == 0)
        : null;

    private static long WorkerBytes(ServingWorkers serving, MemoryDemand demand) => IsByCards(serving)
        ? CardMemoryEstimate.Of(demand).DeviceBytes
        : MemoryEstimate.Of(demand).TotalBytes;

    /// <summary>
    /// The workers that would serve the run; null where that is open: cards may, once there are enough. A run that can
    /// only wait for more processors will be served by those that are there, too.
    /// </summary>
    private static ServingWorkers? Serving(
        RunSpecification specification, IReadOnlyCollection<SiloDescription> silos)
    {
        var serving = ServingWorkers.Of(specification, silos);
        if (serving is not null || (specification.Device != DeviceKind.Cpu && silos.Any(HasCard)))
            return serving;
        return ServingWorkers.Of(
            specification with { Workers = specification.Workers with { Min = 1 } }, silos);
    }

    private static MemoryDemand DemandOf(RunSpecification specification, ServingWorkers serving) =>
        MemoryEstimate.DemandOf(
            specification,
            specification.Precision ?? serving.Devices.Precision,
            Math.Min(specification.Workers.Max ?? int.MaxValue, serving.Silos.Count));

    /// <summary>Cards and machines whose memory is known, with the workers of the run that each may have at
    /// most.</summary>
    private static List<MemoryPlace> Places(RunSpecification specification, ServingWorkers serving)
    {
        var most = specification.Workers.Max ?? int.MaxValue;
        var cards = serving.Silos.SelectMany(silo => silo.Workers)
            .Where(worker => worker.CardMemoryBytes > 0)
            .Select(worker => MemoryPlace.OfCard($"{worker.Key} ({worker.Name})", worker.CardMemoryBytes));
        var machines = serving.Silos.Where(silo => silo.MachineMemoryBytes > 0)
            .GroupBy(silo => silo.MachineName)
            .Select(machine => Machine(
                machine.Key,
                machine.Max(silo => silo.MachineMemoryBytes),
                new MachineWorkers(
                    Math.Min(most, machine.Count()), Math.Min(most, machine.Sum(silo => silo.Workers.Length)))));
        return [.. cards, .. machines];

        MemoryPlace Machine(string name, long bytes, MachineWorkers workers) => IsByCards(serving)
            ? MemoryPlace.BesideCards(name, bytes, workers)
            : MemoryPlace.OfMachine(name, bytes, workers);
    }

    private static bool HasCard(SiloDescription silo) =>
        !silo.IsLeaving && silo.Workers.Any(worker => worker.Kind != DeviceKind.Cpu);
}

/// <summary>A batch size that was settled by what memory there is.</summary>
/// <param name="Windows">Of a micro-batch, 1 or more.</param>
/// <param name="WorkerBytes">What a worker takes with them, as estimated.</param>
/// <param name="Words">The same in a sentence.</param>
internal sealed record FittingBatch(int Windows, long WorkerBytes, string Words);
