using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Core.Runs;

/// <summary>What one committed step took.</summary>
/// <param name="Duration">From the plan to the last report.</param>
/// <param name="Exposed">The longest that a worker waited for averages, its own compute done.</param>
/// <param name="SentBytes">Payload bytes between silos.</param>
public readonly record struct MeasuredStep(TimeSpan Duration, TimeSpan Exposed, long SentBytes);

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
        var steps = state.MeasuredSteps.Add(new MeasuredStep(
            state.LastStepTime,
            state.Members.Max(member => member.StepReport!.ExposedExchange),
            state.Members.Sum(member => member.StepReport!.SentBytes)));
        turn.State = state with { MeasuredSteps = steps };
        if (steps.Count < WarmUpCount + StepCount
            || state.Members.Exists(member => member.SecondsPerMicroBatch is null))
            return null;
        var advice = ScalingAdvice.Sentence(CostOf(turn, [.. steps.Skip(WarmUpCount)]));
        turn.Record = turn.Record with { HasScalingAdvice = advice is not null };
        return advice;
    }

    private static StepCost CostOf(Turn turn, IReadOnlyList<MeasuredStep> steps) => new()
    {
        MicroBatchCount = turn.Specification.MicroBatchCount,
        Workers =
        [
            .. turn.State.Members.Select(member => new WorkerSpeed(member.Silo, member.SecondsPerMicroBatch!.Value)),
        ],
        StepSeconds = Median(steps.Select(step => step.Duration.TotalSeconds)),
        ExposedSeconds = Median(steps.Select(step => step.Exposed.TotalSeconds)),
        ExchangedBytes = Median(steps.Select(step => (double)step.SentBytes)),
        TrainsAll = turn.Specification.Trainable == TrainableParameters.All,
    };

    private static double Median(IEnumerable<double> values) => values.Order().ElementAt(StepCount / 2);
}
