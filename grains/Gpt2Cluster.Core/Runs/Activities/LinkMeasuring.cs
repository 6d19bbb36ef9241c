using Gpt2Cluster.Core.Runs.Planning;
using Gpt2Cluster.Core.Runs.State;
using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Core.Runs.Activities;

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
    public static string? Measure(Transition transition, List<StepReported> reports)
    {
        var state = transition.State;
        if (transition.Record.HasScalingAdvice || state.MeasuredSteps.Count == WarmUpCount + StepCount)
            return null;
        var steps = state.MeasuredSteps.Add(MeasuredStep.Of(state.LastStepTime, reports));
        transition.State = state with { MeasuredSteps = steps };
        if (steps.Count < WarmUpCount + StepCount
            || state.Members.Exists(member => member.SecondsPerMicroBatch is null))
            return null;
        var advice = ScalingAdvice.Sentence(CostOf(transition, [.. steps.Skip(WarmUpCount)]));
        transition.Record = transition.Record with { HasScalingAdvice = advice is not null };
        return advice;
    }

    private static StepCost CostOf(Transition transition, IReadOnlyList<MeasuredStep> steps)
    {
        var workers = transition.State.Members
            .ConvertAll(member => new WorkerSpeed(member.Silo, member.SecondsPerMicroBatch!.Value));
        var siloCount = workers.Select(worker => worker.Silo).Distinct().Count();
        var (sent, overlapped) = (Median(step => step.SentBytes), Median(step => step.OverlappedBytes));
        var exposed = Median(step => step.Exposed.TotalSeconds);
        return new StepCost
        {
            MicroBatchCount = transition.Specification.MicroBatchCount,
            Workers = workers,
            UpdateSeconds = Median(step => step.Update.TotalSeconds),
            OtherSeconds = Median(step => step.Other.TotalSeconds),
            BytesPerSilo = sent / siloCount,
            OverlappedBytes = overlapped / siloCount,
            LinkRate = exposed > 0 && sent > overlapped
                ? (sent - overlapped) / siloCount / exposed
                : double.PositiveInfinity,
            MeasuredSeconds = Median(step => step.Duration.TotalSeconds),
            TrainsAll = transition.Specification.Trainable == TrainableParameters.All,
        };

        double Median(Func<MeasuredStep, double> of) => steps.Select(of).Order().ElementAt(StepCount / 2);
    }
}
