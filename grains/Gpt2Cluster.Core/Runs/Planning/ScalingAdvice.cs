using System.Globalization;
using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Core.Runs.Planning;

/// <summary>
/// Whether a run would be faster with fewer workers, or one alone: more workers share the micro-batches, and their
/// links carry the gradients. A step is its compute, the exchange that does not pass beside it, the update and what
/// else there is; each silo sends its sums of the stripes of others and the averages of its own, together
/// <c>2 (n - 1) / n</c> gradients with <c>n</c> silos.
/// </summary>
public static class ScalingAdvice
{
    /// <summary>Less than this share of a step is not worth a warning.</summary>
    public const double WorthSaying = 0.1;

    /// <summary>
    /// A step with the workers of the fastest silo, of the two fastest and so on up to all.
    /// </summary>
    public static IReadOnlyList<ForeseenStep> Choices(StepCost cost)
    {
        ArgumentNullException.ThrowIfNull(cost);
        var bySpeed = cost.Workers.GroupBy(worker => worker.Silo)
            .OrderByDescending(silo => silo.Sum(worker => 1 / worker.SecondsPerMicroBatch))
            .ThenBy(silo => silo.Key.ToString(), StringComparer.Ordinal)
            .Select(silo => silo.ToList()).ToList();
        return
        [
            .. Enumerable.Range(1, bySpeed.Count)
                .Select(count => Foresee(cost, [.. bySpeed.Take(count).SelectMany(silo => silo)], count)),
        ];
    }

    /// <summary>The best number of workers, if it is a smaller one and worth it; null if all are.</summary>
    public static ForeseenStep? Find(StepCost cost)
    {
        var choices = Choices(cost);
        var best = choices.MinBy(choice => choice.StepSeconds);
        return best.StepSeconds < choices[^1].StepSeconds * (1 - WorthSaying) ? best : null;
    }

    /// <summary>
    /// Micro-batches of a step from which on all workers together are as fast as the better choice; null if that is
    /// more than a step may have.
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

        bool Pays(int count) => Find(cost with { MicroBatchCount = count }) is null;
    }

    /// <summary>What would help, as options a person can type; empty if there is nothing to advise.</summary>
    public static IReadOnlyList<string> Help(StepCost cost)
    {
        if (Find(cost) is not { } faster)
            return [];
        var help = new List<string> { $"--workers {faster.WorkerCount}" };
        if (cost.TrainsAll)
            help.Add("--train lora:8");
        if (MicroBatchesThatPay(cost) is { } count)
            help.Add($"--micro-batches {count} or more");
        help.Add("a faster link");
        return help;
    }

    /// <summary>
    /// The advice with its figures and what would help, in one sentence; null if there is none to give.
    /// </summary>
    public static string? Sentence(StepCost cost)
    {
        if (Find(cost) is not { } faster)
            return null;
        var (all, help) = (Choices(cost)[^1], Help(cost));
        var takes = cost.MeasuredSeconds is { } measured
            ? $"takes {Seconds(measured)} s"
            : $"would take about {Seconds(all.StepSeconds)} s";
        var with = faster.WorkerCount == 1 ? "one worker alone" : $"{faster.WorkerCount} workers";
        return $"A step {takes} with {cost.Workers.Count} workers, of which "
            + $"{Seconds(all.ExposedSeconds)} s wait for the link, where each silo sends "
            + $"{Megabytes(cost.BytesPerSilo)} MB at {Megabytes(cost.LinkRate)} MB/s; with {with} it would take about "
            + $"{Seconds(faster.StepSeconds)} s. What helps: {string.Join(", ", help.SkipLast(1))}, or {help[^1]}."
            + HowToFollow(cost, help);
    }

    /// <summary>Of a run that there is, all options but the number of workers stay.</summary>
    private static string HowToFollow(StepCost cost, IReadOnlyList<string> help)
    {
        var fixedOptions = help.Where(option => option.StartsWith("--", StringComparison.Ordinal))
            .Select(option => option.Split(' ')[0]).Where(option => option != "--workers").ToList();
        return cost.MeasuredSeconds is null || fixedOptions.Count == 0
            ? ""
            : $" --workers can be changed on resuming; {string.Join(" and ", fixedOptions)} only in a new run.";
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

    private static ForeseenStep Foresee(StepCost cost, IReadOnlyList<WorkerSpeed> workers, int siloCount)
    {
        var bytes = siloCount == 1
            ? 0
            : cost.BytesPerSilo * StepCost.GradientsSent(siloCount) / StepCost.GradientsSent(cost.SiloCount);
        var exposed = Math.Max(0, bytes - cost.OverlappedBytes) / cost.LinkRate;
        var compute = ComputeSeconds(workers, cost.MicroBatchCount);
        return new ForeseenStep(
            workers.Count, compute + exposed + cost.UpdateSeconds + cost.OtherSeconds, exposed, bytes, siloCount);
    }

    private static string Seconds(double seconds) => seconds.ToString("0.00", CultureInfo.InvariantCulture);

    private static string Megabytes(double bytes) => (bytes / 1e6).ToString("0.0", CultureInfo.InvariantCulture);
}
