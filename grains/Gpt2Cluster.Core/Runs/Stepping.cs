using System.Collections.Immutable;
using System.Globalization;
using Gpt2Cluster.Core.Reduction;

namespace Gpt2Cluster.Core.Runs;

/// <summary>One step: plan, collect the reports, commit.</summary>
internal static class Stepping
{
    // Steps whose measured times count: a worker that became slower is believed after as many.
    private const int MeasuredStepCount = 3;

    // Ranges are cut anew when that would make a step faster by more than this factor; less is noise.
    private const double WorthCuttingAnew = 1.05;

    public static void Plan(Turn turn)
    {
        turn.Assign(Ranges(turn));
        turn.State = turn.State with { Phase = RunPhase.Stepping, PlannedAt = turn.State.Now };
        SendOutstanding(turn);
    }

    public static void SendOutstanding(Turn turn)
    {
        var step = turn.State.Step + 1;
        var rate = turn.Specification.Schedule.At(step, turn.Specification.Steps);
        var isAlone = turn.State.Members.Count == 1;
        foreach (var member in turn.State.Members.Where(member => member.StepReport is null))
        {
            var siloRanges = SiloRanges(turn, member.Silo);
            turn.Send(new PlanStep(member.Key, turn.Generation, step, member.Ranges, rate, siloRanges, isAlone));
        }
    }

    private static IReadOnlyList<LeafRange> SiloRanges(Turn turn, string silo) =>
        [.. turn.State.Members.Where(member => member.Silo == silo).SelectMany(member => member.Ranges)];

    public static void Report(Turn turn, StepReported report)
    {
        if (turn.State.Phase != RunPhase.Stepping || report.Step != turn.State.Step + 1)
            return;
        if (turn.Member(report.Worker, report.Generation) is not { StepReport: null } member)
            return;
        if (report.Losses.Count != member.Ranges.LeafCount())
        {
            var (losses, expected) = (report.Losses.Count, member.Ranges.LeafCount());
            turn.Fail($"Worker {member.Key} reports {losses} losses for {expected} micro-batches.");
            return;
        }

        turn.Replace(member, member with { StepReport = report, MeasuredSeconds = Measured(member, report) });
        if (turn.State.Members.TrueForAll(other => other.StepReport is not null))
            Settle(turn);
    }

    private static void Settle(Turn turn)
    {
        var first = turn.State.Members[0].StepReport!;
        if (turn.State.Members.Find(member => !Agrees(member.StepReport!, first)) is { StepReport: { } other })
            turn.Fail(Disagreement(first, other));
        else if (first.Applied)
            Commit(turn, first);
        else
            NotFinite(turn, first);
    }

    private static void NotFinite(Turn turn, StepReported report)
    {
        var message = $"{Culprits(turn)} of step {report.Step} is not finite";
        if (turn.Specification.OnNan == Specification.NanPolicy.Skip)
        {
            turn.Warn($"{message}; the step changes nothing.");
            Commit(turn, report);
            return;
        }

        var advice = Advice.NewRun(turn.Specification, "a lower --learning-rate or --on-nan skip", report.Step > 1);
        var reason = $"{message}; the step was not applied. {advice}";
        turn.State = turn.State with { Ending = new Ending(RunStatus.Failed, reason) };
        Boundary.Next(turn);
    }

    private static void Commit(Turn turn, StepReported report)
    {
        var members = turn.State.Members;
        var loss = Losses(turn).Aggregate(0.0, (sum, each) => sum + each.Loss) / turn.Specification.MicroBatchCount;
        var isRepeat = report.Step <= turn.Record.CommittedStep;
        turn.State = turn.State with
        {
            Step = report.Step,
            LastStepTime = turn.State.Now - turn.State.PlannedAt,
            Troubles = turn.State.Troubles.RemoveRange(members.Select(member => (member.Key, member.Incarnation))),
            Unreachable = turn.State.Unreachable.Clear(),
        };
        turn.Record = turn.Record with
        {
            CommittedStep = Math.Max(report.Step, turn.Record.CommittedStep),
            LastLoss = isRepeat ? turn.Record.LastLoss : loss,
            History = turn.Record.History.With(report.Step, loss),
        };
        var advice = LinkMeasuring.Measure(turn);
        turn.Persist();
        if (!isRepeat)
            turn.Tell(Notice(turn, report, loss));
        if (advice is not null)
            turn.Warn(advice);
        Boundary.Next(turn);
    }

    private static StepCommitted Notice(Turn turn, StepReported report, double loss) => new()
    {
        Step = report.Step,
        Loss = loss,
        GradientNorm = report.GradientNorm,
        LearningRate = turn.Specification.Schedule.At(report.Step, turn.Specification.Steps),
        Duration = turn.State.Now - turn.State.PlannedAt,
        TokenCount = turn.Specification.TokensPerStep,
        WorkerCount = turn.State.Members.Count,
        Generation = turn.Generation,
        ExchangedBytes = turn.State.Members.Sum(member => member.StepReport!.SentBytes),
        ExposedExchange = turn.State.Members.Max(member => member.StepReport!.ExposedExchange),
    };

    /// <summary>
    /// A step that was interrupted goes on: who holds a part of it keeps that, and only what was lost is divided. Any
    /// other one is divided whole.
    /// </summary>
    private static IReadOnlyList<IReadOnlyList<LeafRange>> Ranges(Turn turn)
    {
        var known = turn.State.Members.Select(member => member.SecondsPerMicroBatch).OfType<double>();
        var typical = known.DefaultIfEmpty(1).Average();
        var seconds = turn.State.Members.ConvertAll(member => member.SecondsPerMicroBatch ?? typical);
        var held = turn.State.Members.ConvertAll(member => member.Held);
        var leafCount = turn.Specification.MicroBatchCount;
        if (held.Exists(own => own.Count > 0))
            return RangePlanner.Continue(held, leafCount, seconds);
        var ranges = RangePlanner.Improve(turn.State.PlannedRanges, leafCount, seconds, WorthCuttingAnew);
        turn.State = turn.State with { PlannedRanges = [.. ranges] };
        return turn.State.PlannedRanges.ConvertAll(IReadOnlyList<LeafRange> (range) => [range]);
    }

    private static ImmutableList<double> Measured(RunMember member, StepReported report)
    {
        var computedCount = member.Ranges.LeafCount() - report.KeptCount;
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

    private static string Culprits(Turn turn)
    {
        var culprits = from each in Losses(turn)
                       where !double.IsFinite(each.Loss)
                       select $"micro-batch {each.Leaf} (worker {each.Worker})";
        var named = string.Join(", ", culprits);
        return named.Length > 0 ? $"The loss of {named}" : "The gradient norm";
    }

    /// <summary>All losses of the step in the order of its micro-batches, whoever computed them.</summary>
    private static IEnumerable<(int Leaf, double Loss, string Worker)> Losses(Turn turn) =>
        from member in turn.State.Members
        from each in member.Ranges.Leaves().Zip(member.StepReport!.Losses)
        orderby each.First
        select (each.First, each.Second, member.Key);

    private static string Text(double value) => value.ToString("R", CultureInfo.InvariantCulture);
}
