using Gpt2Cluster.Core.Runs.Planning;
using Gpt2Cluster.Core.Runs.State;
using Gpt2Cluster.Core.Windows;

namespace Gpt2Cluster.Core.Runs.Activities;

/// <summary>Validation between two steps: fixed micro-batches, added in order, whoever computed them.</summary>
internal static class Validation
{
    public static bool IsDue(RunRecord record, long step)
    {
        var specification = record.Specification;
        if (step == 0 || specification.ValidateEvery == 0 || step <= record.LastValidation?.Step)
            return false;
        var isTime = step % specification.ValidateEvery == 0 || step == specification.Steps;
        return isTime && specification.ValidationBatches() is not null;
    }

    public static void Begin(Transition transition) => transition.BecomeValidating(
        RangePlanner.Even(Batches(transition).Count, transition.State.Members.Count));

    public static void Report(Transition transition, ValidationReported report)
    {
        if (transition.State.Phase is not RunPhase.Validating validating || report.Step != transition.State.Step
            || report.Generation != transition.Generation
            || validating.Work.MissingOf(report.Worker) is not { } share)
            return;
        var expected = Batches(transition).WindowCount(share.Part);
        if (report.LossSums.Count != expected)
        {
            Completion.Fail(
                transition,
                $"Worker {share.Worker} reports {report.LossSums.Count} validation windows instead of {expected}.");
            return;
        }

        var work = validating.Work.With(share, report.LossSums);
        transition.Continue(validating with { Work = work });
        if (work.Missing.All(other => other.Part.Count == 0))
            Complete(transition, work.Shares.SelectMany(done => done.Result ?? []));
    }

    private static void Complete(Transition transition, IEnumerable<double> lossSums)
    {
        var sum = lossSums.Aggregate(0.0, (a, b) => a + b);
        var point = new ValidationPoint(transition.State.Step, sum / Batches(transition).TargetCount);
        var record = transition.Record;
        // Every comparison with NaN is false: it is never the best, and never keeps another from being.
        var isBest = !double.IsNaN(point.Loss) && !(point.Loss >= record.BestValidation?.Loss);
        transition.Record = record with
        {
            LastValidation = point,
            BestValidation = isBest ? point : record.BestValidation,
            ValidationsSinceBest = isBest ? 0 : record.ValidationsSinceBest + 1,
        };
        transition.Persist();
        transition.Publish(new ValidationDone(point.Step, point.Loss, isBest));
        transition.BecomeDeciding();
    }

    private static ValidationBatches Batches(Transition transition) => transition.Specification.ValidationBatches()
        ?? throw new InvalidOperationException("The run does not validate.");
}
