using Gpt2Cluster.Core.Runs.Planning;
using Gpt2Cluster.Core.Runs.State;

namespace Gpt2Cluster.Core.Runs.Activities;

/// <summary>Samples between two steps, spread over the workers.</summary>
internal static class Sampling
{
    public static bool IsDue(RunRecord record, long step)
    {
        var every = record.Specification.Sampling.Every;
        return step > record.SampledStep && every > 0 && step % every == 0;
    }

    public static void Begin(Transition transition) => transition.BecomeSampling(
        RangePlanner.Even(transition.Specification.Sampling.TotalCount, transition.State.Members.Count));

    public static void Report(Transition transition, SampleReported report)
    {
        if (transition.State.Phase is not RunPhase.Sampling sampling || report.Step != transition.State.Step
            || report.Generation != transition.Generation
            || sampling.Work.MissingOf(report.Worker) is not { } share)
            return;
        if (report.Texts.Count != share.Part.Count)
        {
            Completion.Fail(
                transition,
                $"Worker {share.Worker} reports {report.Texts.Count} samples instead of {share.Part.Count}.");
            return;
        }

        var work = sampling.Work.With(share, report.Texts);
        transition.Continue(sampling with { Work = work });
        if (work.Missing.All(other => other.Part.Count == 0))
            Complete(transition, work.Shares.SelectMany(done => done.Result ?? []));
    }

    private static void Complete(Transition transition, IEnumerable<string> texts)
    {
        transition.Record = transition.Record with { SampledStep = transition.State.Step };
        transition.Persist();
        foreach (var (index, text) in texts.Index())
            transition.Publish(new SampleDrawn(transition.State.Step, index, text));
        transition.BecomeDeciding();
    }
}
