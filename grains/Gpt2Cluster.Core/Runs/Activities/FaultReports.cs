using Gpt2Cluster.Core.Runs.State;

namespace Gpt2Cluster.Core.Runs.Activities;

/// <summary>Workers that are lost, in trouble, out of reach or unfit: whom of them the run does without.</summary>
internal static class FaultReports
{
    /// <summary>
    /// A worker that was in trouble this often, without a step that it has committed in between, is not taken any more,
    /// unless the run comes to wait for workers.
    /// </summary>
    private const int MaxTroubleCount = 3;

    /// <summary>
    /// Two silos between which stripes do not pass do not stay together once that was reported this often in one step;
    /// the first report warns.
    /// </summary>
    private const int MaxUnreachableCount = 3;

    /// <summary>
    /// A worker that could not be reached is not taken again for this long while the run has enough others: until the
    /// cluster declares its silo dead it is offered all the time, and each attempt would interrupt a step.
    /// </summary>
    private static readonly TimeSpan OutOfReachPause = TimeSpan.FromSeconds(5);

    /// <summary>
    /// A silo whose stripe port nobody listens on is taken for ended. If the cluster still offers it after this long,
    /// several times what it takes to declare a silo dead, it is alive, and its port is closed or the wrong one.
    /// </summary>
    private static readonly TimeSpan EndedPatience = TimeSpan.FromSeconds(15);

    /// <summary>
    /// It takes part again when it is offered again; one that could not be reached, some seconds later. A call of an
    /// older generation says nothing of the member of now.
    /// </summary>
    public static void Lost(Transition transition, WorkerLost lost)
    {
        if (transition.Member(lost.Worker, lost.Generation) is not { } member)
            return;
        var state = transition.State;
        if (lost.IsOutOfReach)
            transition.Exclude(Exclusion.Of(member, ExclusionReason.OutOfReach, state.Now + OutOfReachPause));
        var others = state.Cluster.Offered.RemoveAll(worker => worker.Key == lost.Worker);
        transition.State = transition.State with { Cluster = state.Cluster with { Offered = others } };
        Membership.Remove(
            transition,
            [lost.Worker],
            $"worker {lost.Worker} was lost: {lost.Reason}",
            mayReturn: lost.IsOutOfReach);
    }

    public static void Troubled(Transition transition, WorkerTroubled trouble)
    {
        if (transition.Member(trouble.Worker, trouble.Generation) is not { } member)
            return;
        if (trouble.IsFinal)
            FailAfterSaving(transition, trouble.Worker, trouble.Reason);
        else if (trouble.HasNoMemory)
            LacksMemory(transition, member, trouble.Reason);
        else
            Troubled(transition, member, trouble.Reason);
    }

    /// <summary>
    /// Stripes do not pass between two silos: the step waits, and if that lasts one of the two is left out. It is the
    /// one that was reported, unless the other is out of touch with more silos. A silo whose process has ended is not
    /// waited for: the cluster finds out later.
    /// </summary>
    public static void Unreachable(Transition transition, SiloUnreachable report)
    {
        var (from, silo) = (report.From, report.Silo);
        var silos = transition.State.Silos;
        if (report.Generation != transition.Generation || !silos.Contains(from) || !silos.Contains(silo))
            return;
        if (report.IsGone)
        {
            Ended(transition, silo, report.Reason);
            return;
        }

        var exclusions = transition.Exclusions.WithUnreachable(from, silo);
        transition.Exclusions = exclusions;
        var count = exclusions.UnreachablesOf(from, silo);
        if (count == 1)
            transition.Warn(report.Reason);
        if (count < MaxUnreachableCount)
            return;
        var severed = exclusions.SilosOutOfTouch(from) > exclusions.SilosOutOfTouch(silo) ? from : silo;
        var members = transition.State.Members.FindAll(member => member.Silo == severed);
        CutOff(transition, members.ConvertAll(member => (member.Key, member.Incarnation)));
        Membership.Remove(
            transition,
            members.ConvertAll(member => member.Key),
            $"silo {severed} was left out, as stripes cannot pass");
    }

    /// <summary>
    /// A silo that the cluster offers all the time lives, although it seemed to have ended: it is left out as any other
    /// that stripes cannot reach, and people are told why.
    /// </summary>
    public static void SeverThoseThatLive(Transition transition)
    {
        var (now, offered) = (transition.State.Now, transition.State.Cluster.Offered);
        foreach (var ended in transition.Readmit(each => each.Reason == ExclusionReason.Ended && each.Until <= now))
        {
            transition.Warn(ended.Report!);
            var workers = offered.FindAll(ended.Covers);
            CutOff(transition, workers.ConvertAll(worker => (worker.Key, worker.Incarnation)));
        }
    }

    /// <summary>A worker that would compute other bits, or not the same ones twice.</summary>
    public static void RefuseProfile(Transition transition, RunMember member, string reason)
    {
        transition.State = transition.State with { Refusal = reason };
        Refuse(transition, member, reason, "was refused");
    }

    /// <summary>Time alone ends these; an offer shows whether a silo lives that seems to have ended.</summary>
    public static void ReadmitInTime(Transition transition)
    {
        var now = transition.State.Now;
        var over = transition.Readmit(each => each.Until <= now && each.Reason != ExclusionReason.Ended);
        if (over.Exists(each => each.Reason == ExclusionReason.DiskBusy))
            CheckpointWriting.LookAgain(transition);
    }

    private static void Troubled(Transition transition, RunMember member, string reason)
    {
        transition.Exclusions = transition.Exclusions.WithTrouble(member);
        transition.Warn($"Worker {member.Key} is in trouble: {reason}");
        if (transition.Exclusions.TroublesOf(member) >= MaxTroubleCount)
        {
            transition.Exclude(Exclusion.Of(member, ExclusionReason.Troubled));
            if (transition.State.Members.Count + Candidates.Newcomers(transition.State).Count == 1)
            {
                var last = $"No worker is left; the last one's trouble was: {reason}";
                FailAfterSaving(transition, member.Key, last);
                return;
            }

            transition.Send(new ReleaseWorkers([member.Key], transition.Generation));
        }

        Membership.Remove(transition, [member.Key], $"worker {member.Key} was in trouble");
    }

    /// <summary>
    /// A worker whose device or machine is too small: the others go on without it. If they are too few for that, the
    /// run fails, as nothing but the advice helps.
    /// </summary>
    private static void LacksMemory(Transition transition, RunMember member, string reason)
    {
        var without = transition.Exclusions.With(Exclusion.Of(member, ExclusionReason.Unfit));
        if (Candidates.AreEnoughWithout(transition.State with { Exclusions = without }, member))
        {
            Refuse(
                transition, member, $"Worker {member.Key} is left out until its silo is started again: {reason}.",
                "had no memory");
        }
        else
        {
            FailAfterSaving(transition, member.Key, reason);
        }
    }

    private static void Refuse(Transition transition, RunMember member, string warning, string what)
    {
        transition.Exclude(Exclusion.Of(member, ExclusionReason.Unfit));
        transition.Warn(warning);
        transition.Send(new ReleaseWorkers([member.Key], transition.Generation));
        Membership.Remove(transition, [member.Key], $"worker {member.Key} {what}");
    }

    private static void Ended(Transition transition, string silo, string report)
    {
        var (members, until) = (transition.State.Members, transition.State.Now + EndedPatience);
        foreach (var incarnation in members.Where(member => member.Silo == silo).Select(member => member.Incarnation))
            transition.Exclude(new Exclusion(silo, incarnation, ExclusionReason.Ended, until, report));
        List<string> workers = [.. members.Where(member => member.Silo == silo).Select(member => member.Key)];
        Membership.Remove(transition, workers, $"silo {silo} has ended");
    }

    private static void CutOff(Transition transition, IReadOnlyList<(string Key, string Incarnation)> workers)
    {
        foreach (var (key, incarnation) in workers)
            transition.Exclude(new Exclusion(key, incarnation, ExclusionReason.CutOff));
        transition.Send(new ReleaseWorkers([.. workers.Select(worker => worker.Key)], transition.Generation));
    }

    /// <summary>
    /// Ends the run because of a member's trouble. What the members hold and no checkpoint does is saved first, under a
    /// new generation: in the old one they may wait for each other. A second trouble on that way ends it at once.
    /// </summary>
    private static void FailAfterSaving(Transition transition, string troubled, string reason)
    {
        var (state, saved) = (transition.State, transition.Record.NewestCheckpoint?.Step ?? 0);
        var isUnsaved = Math.Max(state.Step, transition.Record.CommittedStep) > saved;
        if (state.Ending?.Status == RunStatus.Failed || !isUnsaved)
        {
            var first = state.Ending?.Status == RunStatus.Failed ? state.Ending.Reason : null;
            Completion.Fail(transition, first ?? reason);
            return;
        }

        transition.State = state with { Ending = new Ending(RunStatus.Failed, reason) };
        Membership.FormToSave(transition, troubled);
    }
}
