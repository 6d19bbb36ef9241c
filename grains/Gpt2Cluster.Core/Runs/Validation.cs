using Gpt2Cluster.Core.Windows;

namespace Gpt2Cluster.Core.Runs;

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

    /// <summary>Whether the newest validation, at this step or before, was one too many without a new best.</summary>
    public static bool IsExhausted(RunRecord record, long step)
    {
        var patience = record.Specification.EarlyStop;
        return patience > 0 && record.ValidationsSinceBest >= patience && step >= record.LastValidation?.Step;
    }

    public static void Begin(Turn turn)
    {
        turn.Assign(RangePlanner.Even(Batches(turn).Count, turn.State.Members.Count));
        turn.State = turn.State with { Phase = RunPhase.Validating };
        SendOutstanding(turn);
    }

    public static void SendOutstanding(Turn turn)
    {
        foreach (var member in turn.State.Members.Where(IsOutstanding))
            turn.Send(new Validate(member.Key, turn.Generation, turn.State.Step, member.Range));
    }

    public static void Report(Turn turn, ValidationReported report)
    {
        if (turn.State.Phase != RunPhase.Validating || report.Step != turn.State.Step)
            return;
        if (turn.Member(report.Worker, report.Generation) is not { LossSums: null } member)
            return;
        var expected = Batches(turn).WindowCount(member.Range);
        if (report.LossSums.Count != expected)
        {
            turn.Fail($"Worker {member.Key} reports {report.LossSums.Count} validation windows instead of {expected}.");
            return;
        }

        turn.Replace(member, member with { LossSums = report.LossSums });
        if (!turn.State.Members.Exists(IsOutstanding))
            Settle(turn);
    }

    private static void Settle(Turn turn)
    {
        var sum = turn.State.Members.SelectMany(member => member.LossSums ?? []).Aggregate(0.0, (a, b) => a + b);
        var point = new ValidationPoint(turn.State.Step, sum / Batches(turn).TargetCount);
        // Every comparison with NaN is false: it is never the best, and never keeps another from being.
        var isBest = !double.IsNaN(point.Loss) && !(point.Loss >= turn.Record.BestValidation?.Loss);
        turn.Record = turn.Record with
        {
            LastValidation = point,
            BestValidation = isBest ? point : turn.Record.BestValidation,
            ValidationsSinceBest = isBest ? 0 : turn.Record.ValidationsSinceBest + 1,
        };
        turn.Persist();
        turn.Tell(new ValidationDone(point.Step, point.Loss, isBest));
        Boundary.Next(turn);
    }

    private static bool IsOutstanding(RunMember member) => member.Range.Count > 0 && member.LossSums is null;

    private static ValidationBatches Batches(Turn turn) => turn.Specification.ValidationBatches()
        ?? throw new InvalidOperationException("The run does not validate.");
}
