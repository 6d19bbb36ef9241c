using System.Globalization;
using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Core.Runs;

/// <summary>A worker as the advice looks at it.</summary>
/// <param name="Silo">Its silo: workers of one silo exchange nothing over a link.</param>
/// <param name="SecondsPerMicroBatch">What one micro-batch takes it, above 0.</param>
public readonly record struct WorkerSpeed(string Silo, double SecondsPerMicroBatch);

/// <summary>What is known of a run's steps, measured or foreseen.</summary>
public sealed record StepCost
{
    /// <summary>M, micro-batches of a step.</summary>
    public required int MicroBatchCount { get; init; }

    /// <summary>Its workers, in the order of their micro-batches.</summary>
    public required IReadOnlyList<WorkerSpeed> Workers { get; init; }

    /// <summary>Seconds of a step.</summary>
    public required double StepSeconds { get; init; }

    /// <summary>Seconds of it in which the slowest worker waits for averages, its own compute done.</summary>
    public required double ExposedSeconds { get; init; }

    /// <summary>Payload bytes that all silos together send for a step.</summary>
    public required double ExchangedBytes { get; init; }

    /// <summary>Whether the run trains all of its parameters, so that adapters would exchange far less.</summary>
    public required bool TrainsAll { get; init; }

    /// <summary>Silos that take part.</summary>
    public int SiloCount => Workers.Select(worker => worker.Silo).Distinct().Count();

    /// <summary>Seconds of compute: those of the worker whose micro-batches take longest.</summary>
    public double ComputeSeconds => ScalingAdvice.ComputeSeconds(Workers, MicroBatchCount);

    /// <summary>Bytes that one silo sends for a step, on the average.</summary>
    public double BytesPerSilo => ExchangedBytes / SiloCount;

    /// <summary>
    /// Seconds in which stripes pass: a worker contributes while it computes the last micro-batch of its range, and
    /// then
    /// waits.
    /// </summary>
    public double ExchangeSeconds => ExposedSeconds + Workers.Max(worker => worker.SecondsPerMicroBatch);

    /// <summary>What a silo's link carries, bytes a second; a lower bound where nothing is waited for.</summary>
    public double LinkRate => BytesPerSilo / ExchangeSeconds;
}

/// <summary>A number of workers with which a run would be faster.</summary>
/// <param name="WorkerCount">How many.</param>
/// <param name="StepSeconds">Seconds of a step with them.</param>
public readonly record struct FasterWith(int WorkerCount, double StepSeconds);

/// <summary>
/// Whether a run would be faster with fewer workers, or one alone: more workers share the micro-batches, and their
/// links
/// carry the gradients. Each silo sends its sums of the stripes of others and the averages of its own, together
/// <c>2 (n - 1) / n</c> gradients with <c>n</c> silos.
/// </summary>
public static class ScalingAdvice
{
    /// <summary>Less than this share of a step is not worth a warning.</summary>
    public const double WorthSaying = 0.1;

    /// <summary>The best number of workers, if it is a smaller one and worth it; null if all are.</summary>
    public static FasterWith? Find(StepCost cost)
    {
        ArgumentNullException.ThrowIfNull(cost);
        if (cost.SiloCount < 2)
            return null;
        var bySpeed = cost.Workers.GroupBy(worker => worker.Silo)
            .OrderByDescending(silo => silo.Sum(worker => 1 / worker.SecondsPerMicroBatch))
            .ThenBy(silo => silo.Key, StringComparer.Ordinal)
            .Select(silo => silo.ToList()).ToList();
        var best = Enumerable.Range(1, bySpeed.Count - 1)
            .Select(count => Foresee(cost, [.. bySpeed.Take(count).SelectMany(silo => silo)], count))
            .MinBy(choice => choice.StepSeconds);
        return best.StepSeconds < cost.StepSeconds * (1 - WorthSaying) ? best : null;
    }

    /// <summary>
    /// Micro-batches of a step from which on all workers together are as fast as the better choice; null if that is
    /// more
    /// than a step may have.
    /// </summary>
    public static int? MicroBatchesThatPay(StepCost cost)
    {
        ArgumentNullException.ThrowIfNull(cost);
        var (tooFew, enough) = (cost.MicroBatchCount, SpecificationCheck.MaxMicroBatchCount);
        if (!Pays(enough))
            return null;
        while (enough - tooFew > 1)
        {
            var middle = tooFew + ((enough - tooFew) / 2);
            (tooFew, enough) = Pays(middle) ? (tooFew, middle) : (middle, enough);
        }

        return enough;

        bool Pays(int count)
        {
            var more = ComputeSeconds(cost.Workers, count) - cost.ComputeSeconds;
            return Find(cost with { MicroBatchCount = count, StepSeconds = cost.StepSeconds + more }) is null;
        }
    }

    /// <summary>
    /// The advice with its figures and what would help, in one sentence; null if there is none to give.
    /// </summary>
    public static string? Sentence(StepCost cost)
    {
        if (Find(cost) is not { } faster)
            return null;
        var help = new List<string> { $"--workers {faster.WorkerCount}" };
        if (cost.TrainsAll)
            help.Add("--train lora:8");
        if (MicroBatchesThatPay(cost) is { } count)
            help.Add($"--micro-batches {count} or more");
        help.Add("a faster link");
        var with = faster.WorkerCount == 1 ? "one worker alone" : $"{faster.WorkerCount} workers";
        return $"A step takes {Seconds(cost.StepSeconds)} s with {cost.Workers.Count} workers, of which "
            + $"{Seconds(cost.ExposedSeconds)} s wait for the link, where each silo sends "
            + $"{Megabytes(cost.BytesPerSilo)} MB at {Megabytes(cost.LinkRate)} MB/s; with {with} it would take about "
            + $"{Seconds(faster.StepSeconds)} s. What helps: {string.Join(", ", help[..^1])}, or {help[^1]}.";
    }

    /// <summary>
    /// Seconds of compute of a step whose micro-batches are divided so that the last is done soonest.
    /// </summary>
    public static double ComputeSeconds(IReadOnlyList<WorkerSpeed> workers, int microBatchCount)
    {
        ArgumentNullException.ThrowIfNull(workers);
        // All are done by then, as one alone would be; halved until no time lies between.
        var (early, late) = (0.0, workers.Min(worker => worker.SecondsPerMicroBatch) * microBatchCount);
        for (var middle = late / 2; middle > early && middle < late; middle = early + ((late - early) / 2))
        {
            var done = workers.Sum(worker => Math.Floor(middle / worker.SecondsPerMicroBatch));
            (early, late) = done >= microBatchCount ? (early, middle) : (middle, late);
        }

        return late;
    }

    private static FasterWith Foresee(StepCost cost, IReadOnlyList<WorkerSpeed> workers, int siloCount)
    {
        // What is neither compute nor waiting, the update above all, stays as it is.
        var rest = Math.Max(0, cost.StepSeconds - cost.ComputeSeconds - cost.ExposedSeconds);
        var share = Share(siloCount) / Share(cost.SiloCount);
        var overlap = workers.Max(worker => worker.SecondsPerMicroBatch);
        var exposed = siloCount == 1 ? 0 : Math.Max(0, (cost.BytesPerSilo * share / cost.LinkRate) - overlap);
        return new FasterWith(
            workers.Count, ComputeSeconds(workers, cost.MicroBatchCount) + exposed + rest);
    }

    private static double Share(int siloCount) => 2.0 * (siloCount - 1) / siloCount;

    private static string Seconds(double seconds) => seconds.ToString("0.00", CultureInfo.InvariantCulture);

    private static string Megabytes(double bytes) => (bytes / 1e6).ToString("0.0", CultureInfo.InvariantCulture);
}
