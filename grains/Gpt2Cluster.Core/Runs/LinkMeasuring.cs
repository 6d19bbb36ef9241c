using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Core.Runs;

/// <summary>What one committed step took.</summary>
/// <param name="Duration">From the plan to the last report.</param>
/// <param name="Exposed">
/// From the end of the slowest worker's compute to the last average: what a faster worker waits for a slower one is no
/// part of it.
/// </param>
/// <param name="Update">The longest that a worker took for norm and update.</param>
/// <param name="Other">What is left of the duration.</param>
/// <param name="SentBytes">Payload bytes between silos.</param>
/// <param name="OverlappedBytes">Those of them that were sent before their silo's compute was done.</param>
public readonly record struct MeasuredStep(
    TimeSpan Duration, TimeSpan Exposed, TimeSpan Update, TimeSpan Other, long SentBytes, long OverlappedBytes)
{
    /// <summary>The step that its workers' reports describe.</summary>
    /// <param name="duration">From the plan to the last report.</param>
    /// <param name="reports">One of each worker.</param>
    public static MeasuredStep Of(TimeSpan duration, IReadOnlyCollection<StepReported> reports)
    {
        var computed = reports.Max(report => report.Compute);
        var averaged = reports.Max(report => report.Compute + report.ExposedExchange);
        var update = reports.Max(report => report.Update) ?? TimeSpan.Zero;
        var other = duration - averaged - update;
        return new MeasuredStep(
            duration,
            averaged - computed,
            update,
            other > TimeSpan.Zero ? other : TimeSpan.Zero,
            reports.Sum(report => report.SentBytes),
            reports.Sum(report => report.OverlappedBytes));
    }
}

/// <summary>
/// Measures the first steps of a generation, and says once in a run if fewer workers would be faster.
/// </summary>
internal static class LinkMeasuring
{
    // The first steps of a generation load kernels and open connections.
    private const int WarmUpCount = 2;
    private const int StepCount = 5;

    /// <summary>Takes the step that was just committed into account.</summary>
    /// <returns>What to say now; mostly null.</returns>
    public static string? Measure(Turn turn)
    {
        var state = turn.State;
        if (turn.Record.HasScalingAdvice || state.MeasuredSteps.Count == WarmUpCount + StepCount)
            return null;
        var steps = state.MeasuredSteps.Add(MeasuredStep.Of(
            state.LastStepTime, state.Members.ConvertAll(member => member.StepReport!)));
        turn.State = state with { MeasuredSteps = steps };
        if (steps.Count < WarmUpCount + StepCount
            || state.Members.Exists(member => member.SecondsPerMicroBatch is null))
            return null;
        var advice = ScalingAdvice.Sentence(CostOf(turn, [.. steps.Skip(WarmUpCount)]));
        turn.Record = turn.Record with { HasScalingAdvice = advice is not null };
        return advice;
    }

    private static StepCost CostOf(Turn turn, IReadOnlyList<MeasuredStep> steps)
    {
        WorkerSpeed[] workers =
        [
            .. turn.State.Members.Select(member => new WorkerSpeed(member.Silo, member.SecondsPerMicroBatch!.Value)),
        ];
        var siloCount = workers.Select(worker => worker.Silo).Distinct().Count();
        var (sent, overlapped) = (Median(step => step.SentBytes), Median(step => step.OverlappedBytes));
        var exposed = Median(step => step.Exposed.TotalSeconds);
        return new StepCost
        {
            MicroBatchCount = turn.Specification.MicroBatchCount,
            Workers = workers,
            UpdateSeconds = Median(step => step.Update.TotalSeconds),
            OtherSeconds = Median(step => step.Other.TotalSeconds),
            BytesPerSilo = sent / siloCount,
            OverlappedBytes = overlapped / siloCount,
            LinkRate = exposed > 0 && sent > overlapped
                ? (sent - overlapped) / siloCount / exposed
                : double.PositiveInfinity,
            MeasuredSeconds = Median(step => step.Duration.TotalSeconds),
            TrainsAll = turn.Specification.Trainable == TrainableParameters.All,
        };

        double Median(Func<MeasuredStep, double> of) => steps.Select(of).Order().ElementAt(StepCount / 2);
    }
}
