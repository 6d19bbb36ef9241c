using System.Collections.Immutable;
using System.Globalization;
using Gpt2Cluster.Core.Reduction;
using Gpt2Cluster.Core.Runs.Planning;
using Gpt2Cluster.Core.Runs.State;

namespace Gpt2Cluster.Core.Runs.Activities;

/// <summary>One step: plan, collect the reports, commit.</summary>
internal static class Stepping
{
    // Steps whose measured times count: a worker that became slower is believed after as many.
    private const int MeasuredStepCount = 3;

    // Ranges are cut anew when that would make a step faster by more than this factor; less is noise.
    private const double WorthCuttingAnew = 1.05;

    public static void Plan(Transition transition) => transition.BecomeStepping(Ranges(transition));

    public static void Report(Transition transition, StepReported report)
    {
        if (transition.State.Phase is not RunPhase.Stepping stepping || report.Step != transition.State.Step + 1)
            return;
        var share = stepping.Work.MissingOf(report.Worker);
        if (share is null || transition.Member(report.Worker, report.Generation) is not { } member)
            return;
        if (report.Losses.Count != share.Part.LeafCount())
        {
            var (losses, expected) = (report.Losses.Count, share.Part.LeafCount());
            Completion.Fail(transition, $"Worker {member.Key} reports {losses} losses for {expected} micro-batches.");
            return;
        }

        var work = stepping.Work.With(share, report);
        transition.Continue(stepping with { Work = work });
        transition.Replace(member, member with { MeasuredSeconds = Measured(member, share.Part.LeafCount(), report) });
        if (!work.Missing.Any())
            Complete(transition, stepping with { Work = work });
    }

    private static void Complete(Transition transition, RunPhase.Stepping step)
    {
        List<StepReported> reports = [.. step.Work.Shares.Select(share => share.Result!)];
        var first = reports[0];
        if (reports.Find(report => !Agrees(report, first)) is { } other)
            Completion.Fail(transition, Disagreement(first, other));
        else if (first.Applied)
            Commit(transition, step, reports);
        else
            NotFinite(transition, step, reports);
    }

    private static void NotFinite(Transition transition, RunPhase.Stepping step, List<StepReported> reports)
    {
        var report = reports[0];
        var message = $"{Culprits(step)} of step {report.Step} is not finite";
        if (transition.Specification.OnNan == Specification.NanPolicy.Skip)
        {
            transition.Warn($"{message}; the step changes nothing.");
            Commit(transition, step, reports);
            return;
        }

        const string options = "a lower --learning-rate or --on-nan skip";
        var advice = Advice.NewRun(transition.Specification, options, hasWeights: report.Step > 1);
        var reason = $"{message}; the step was not applied. {advice}";
        transition.State = transition.State with { Ending = new Ending(RunStatus.Failed, reason) };
        transition.BecomeDeciding();
    }

    private static void Commit(Transition transition, RunPhase.Stepping step, List<StepReported> reports)
    {
        var (report, members) = (reports[0], transition.State.Members);
        var sum = Losses(step).Aggregate(0.0, (total, each) => total + each.Loss);
        var loss = sum / transition.Specification.MicroBatchCount;
        var isRepeat = report.Step <= transition.Record.CommittedStep;
        transition.State = transition.State with
        {
            Step = report.Step,
            LastStepTime = transition.State.Now - step.PlannedAt,
            Exclusions = transition.Exclusions.WithoutUnreachables()
                .Forgive(members.Select(member => (member.Key, member.Incarnation))),
        };
        transition.Record = transition.Record with
        {
            CommittedStep = Math.Max(report.Step, transition.Record.CommittedStep),
            LastLoss = isRepeat ? transition.Record.LastLoss : loss,
            History = transition.Record.History.With(report.Step, loss),
        };
        var advice = LinkMeasuring.Measure(transition, reports);
        transition.Persist();
        if (!isRepeat)
            transition.Publish(Notice(transition, reports, loss));
        if (advice is not null)
            transition.Warn(advice);
        transition.BecomeDeciding();
    }

    private static StepCommitted Notice(Transition transition, List<StepReported> reports, double loss) => new()
    {
        Step = transition.State.Step,
        Loss = loss,
        GradientNorm = reports[0].GradientNorm,
        LearningRate = transition.Specification.Schedule.At(transition.State.Step, transition.Specification.Steps),
        Duration = transition.State.LastStepTime,
        TokenCount = transition.Specification.TokensPerStep,
        WorkerCount = transition.State.Members.Count,
        Generation = transition.Generation,
        ExchangedBytes = reports.Sum(report => report.SentBytes),
        ExposedExchange = reports.Max(report => report.ExposedExchange),
    };

    /// <summary>
    /// A step that was interrupted goes on: who holds a part of it keeps that, and only what was lost is divided. Any
    /// other one is divided whole.
    /// </summary>
    private static IReadOnlyList<IReadOnlyList<LeafRange>> Ranges(Transition transition)
    {
        var known = transition.State.Members.Select(member => member.SecondsPerMicroBatch).OfType<double>();
        var typical = known.DefaultIfEmpty(1).Average();
        var seconds = transition.State.Members.ConvertAll(member => member.SecondsPerMicroBatch ?? typical);
        var held = transition.State.Members.ConvertAll(member => member.Held);
        var leafCount = transition.Specification.MicroBatchCount;
        if (held.Exists(own => own.Count > 0))
            return RangePlanner.Continue(held, leafCount, seconds);
        var ranges = RangePlanner.Improve(transition.State.PlannedRanges, leafCount, seconds, WorthCuttingAnew);
        transition.State = transition.State with { PlannedRanges = [.. ranges] };
        return transition.State.PlannedRanges.ConvertAll(IReadOnlyList<LeafRange> (range) => [range]);
    }

    private static ImmutableList<double> Measured(RunMember member, int leafCount, StepReported report)
    {
        var computedCount = leafCount - report.KeptCount;
        if (computedCount <= 0 || report.Compute <= TimeSpan.Zero)
            return member.MeasuredSeconds;
        var known = member.MeasuredSeconds.Add(report.Compute.TotalSeconds / computedCount);
        return known.Count > MeasuredStepCount ? known.RemoveAt(0) : known;
    }

    private static bool Agrees(StepReported a, StepReported b) =>
        a.GradientNorm.Equals(b.GradientNorm) && a.Applied == b.Applied;

    private static string Disagreement(StepReported a, StepReported b) =>
        $"The workers disagree about step {a.Step}: {a.Worker} has gradient norm {Text(a.GradientNorm)} "
        + $"({(a.Applied ? "applied" : "not applied")}), {b.Worker} has {Text(b.GradientNorm)} "
        + $"({(b.Applied ? "applied" : "not applied")}); resume to go on from the newest checkpoint.";

    private static string Culprits(RunPhase.Stepping step)
    {
        var culprits = from each in Losses(step)
                       where !double.IsFinite(each.Loss)
                       select $"micro-batch {each.Leaf} (worker {each.Worker})";
        var named = string.Join(", ", culprits);
        return named.Length > 0 ? $"The loss of {named}" : "The gradient norm";
    }

    /// <summary>All losses of the step in the order of its micro-batches, whoever computed them.</summary>
    private static IEnumerable<(int Leaf, double Loss, string Worker)> Losses(RunPhase.Stepping step) =>
        from share in step.Work.Shares
        from each in share.Part.Leaves().Zip(share.Result!.Losses)
        orderby each.First
        select (each.First, each.Second, share.Worker);

    private static string Text(double value) => value.ToString("R", CultureInfo.InvariantCulture);
}
