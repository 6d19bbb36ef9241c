using System.Globalization;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Core.Memory;

/// <summary>A memory that some of a run's workers share: a machine's, or a card's.</summary>
/// <param name="Name">Whose memory, as a sentence begins.</param>
/// <param name="AvailableBytes">What there is for all of them.</param>
/// <param name="WorkerCount">The run's workers there, 1 or more.</param>
/// <param name="BytesOf">What all of them take there, each with this demand; it grows with the batch size.</param>
public sealed record MemoryPlace(string Name, long AvailableBytes, int WorkerCount, Func<MemoryDemand, long> BytesOf)
{
    /// <summary>The machine whose processors compute.</summary>
    public static MemoryPlace OfMachine(string name, long availableBytes, MachineWorkers workers) => new(
        $"The machine {name}",
        availableBytes,
        workers.WorkerCount,
        demand => MemoryEstimate.Of(demand).BytesOf(workers));

    /// <summary>The machine whose cards compute.</summary>
    public static MemoryPlace BesideCards(string name, long availableBytes, MachineWorkers workers) => new(
        $"The machine {name}",
        availableBytes,
        workers.WorkerCount,
        demand => MemoryEstimate.BesideCard(demand).BytesOf(workers));

    /// <summary>A card.</summary>
    public static MemoryPlace OfCard(string name, long availableBytes) => new(
        $"The card {name}", availableBytes, 1, demand => CardMemoryEstimate.Of(demand).DeviceBytes);

    /// <summary>Why there is too little for a run, and what would fit; null if there is enough.</summary>
    /// <param name="demand">Of one worker.</param>
    /// <param name="share">The share of the memory that may be filled, above 0, 1 at most.</param>
    public string? Error(MemoryDemand demand, double share = 1)
    {
        ArgumentNullException.ThrowIfNull(demand);
        var (available, needed) = ((long)(AvailableBytes * share), BytesOf(demand));
        if (needed <= available)
            return null;
        var what = WorkerCount == 1 ? "this run's worker takes" : $"this run's {WorkerCount} workers take";
        return $"{Name} has {Gigabytes(available)} GB of memory and {what} about {Gigabytes(needed)} GB; "
            + Advice(demand, available);
    }

    /// <summary>The most windows a micro-batch with which the workers stay within a share of the memory.</summary>
    /// <param name="demand">Of one worker; its batch size does not matter.</param>
    /// <param name="share">The share of the memory that may be filled, above 0, 1 at most.</param>
    /// <param name="most">What is not exceeded, 1 or more.</param>
    /// <returns>0 if not even one fits.</returns>
    public int LargestBatchSize(MemoryDemand demand, double share, int most)
    {
        ArgumentNullException.ThrowIfNull(demand);
        var (fits, tooMany) = (0, most + 1);
        while (tooMany - fits > 1)
        {
            var middle = fits + ((tooMany - fits) / 2);
            if (BytesOf(demand with { BatchSize = middle }) <= (long)(AvailableBytes * share))
                fits = middle;
            else
                tooMany = middle;
        }

        return fits;
    }

    private string Advice(MemoryDemand demand, long available)
    {
        (string Words, MemoryDemand Demand)[] ways =
        [
            ("--recompute", demand with { Recompute = true }),
            ("--batch-size 1", demand with { BatchSize = 1 }),
            ("--batch-size 1 --recompute", demand with { BatchSize = 1, Recompute = true }),
            ("--train lora:8", Adapters(demand)),
            ("--train lora:8 --batch-size 1 --recompute", Adapters(demand) with { BatchSize = 1, Recompute = true }),
        ];
        var fitting = ways.FirstOrDefault(way => BytesOf(way.Demand) <= available);
        return fitting.Words is { } words
            ? $"{words} would fit in {Gigabytes(BytesOf(fitting.Demand))} GB."
            : "choose a smaller model, or devices with more memory.";
    }

    private static MemoryDemand Adapters(MemoryDemand demand) => demand with
    {
        Parameters = new ModelParameters(
            demand.Parameters.Shape, TrainableParameters.Lora, new TrainingScope(TrainableParameters.Lora, 8).Lora()),
    };

    private static string Gigabytes(long bytes) => (bytes / 1e9).ToString("0.0", CultureInfo.InvariantCulture);
}
