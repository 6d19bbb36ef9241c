namespace Gpt2Cluster.Core.Runs;

/// <summary>Samples between two steps, spread over the workers.</summary>
internal static class Sampling
{
    public static bool IsDue(RunRecord record, long step)
    {
        var every = record.Specification.Sampling.Every;
        return step > record.SampledStep && every > 0 && step % every == 0;
    }

    public static void Begin(Turn turn)
    {
        turn.Assign(RangePlanner.Even(turn.Specification.Sampling.TotalCount, turn.State.Members.Count));
        turn.State = turn.State with { Phase = RunPhase.Sampling };
        SendOutstanding(turn);
    }

    public static void SendOutstanding(Turn turn)
    {
        foreach (var member in turn.State.Members.Where(IsOutstanding))
            turn.Send(new Sample(member.Key, turn.Generation, turn.State.Step, member.Range));
    }

    public static void Report(Turn turn, SampleReported report)
    {
        if (turn.State.Phase != RunPhase.Sampling || report.Step != turn.State.Step)
            return;
        if (turn.Member(report.Worker, report.Generation) is not { Texts: null } member)
            return;
        if (report.Texts.Count != member.Range.Count)
        {
            turn.Fail($"Worker {member.Key} reports {report.Texts.Count} samples instead of {member.Range.Count}.");
            return;
        }

        turn.Replace(member, member with { Texts = report.Texts });
        if (!turn.State.Members.Exists(IsOutstanding))
            Settle(turn);
    }

    private static void Settle(Turn turn)
    {
        turn.Record = turn.Record with { SampledStep = turn.State.Step };
        turn.Persist();
        var texts = turn.State.Members.SelectMany(member => member.Texts ?? []);
        foreach (var (index, text) in texts.Index())
            turn.Tell(new SampleDrawn(turn.State.Step, index, text));
        Boundary.Next(turn);
    }

    private static bool IsOutstanding(RunMember member) => member.Range.Count > 0 && member.Texts is null;
}
