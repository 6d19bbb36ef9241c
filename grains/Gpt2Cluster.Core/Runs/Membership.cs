using System.Collections.Immutable;

namespace Gpt2Cluster.Core.Runs;

/// <summary>Who computes: every change raises the generation, and survivors keep their replicas.</summary>
internal static class Membership
{
    public static void Offer(Turn turn, WorkersOffered offer)
    {
        turn.State = turn.State with
        {
            Offered = [.. offer.Workers.DistinctBy(worker => worker.Key)],
            ClusterWorkerCount = offer.ClusterWorkerCount,
            OtherDeviceCount = offer.OtherDeviceCount,
            OtherRuns = offer.OtherRuns,
            Gone = turn.State.Gone.RemoveRange(
                turn.State.Gone.Keys.Except(offer.Workers.Select(worker => (worker.Silo, worker.Incarnation)))),
            Troubles = turn.State.Troubles.RemoveRange(
                turn.State.Troubles.Keys.Except(offer.Workers.Select(worker => (worker.Key, worker.Incarnation)))),
            Disks = offer.Disks,
        };
        if (turn.State.Phase == RunPhase.Resting)
            return;
        DoubtThatTheyAreGone(turn);
        if (IsLost(turn))
        {
            Endings.LoseState(turn);
            return;
        }

        Copying.Next(turn);
        Leaving.ReleaseBystanders(turn);
        var missing = turn.State.Members.Where(member => !IsOffered(turn, member));
        List<string> gone = [.. missing.Select(member => member.Key)];
        if (gone.Count > 0)
            Remove(turn, gone, Departed(turn, gone));
        else if (turn.State.Phase == RunPhase.Waiting || MayBringWhatIsMissing(turn))
            Form(turn, Newcomers(turn) is { IsEmpty: false } news ? Come(turn, news) : "what is held is handed over");
        else
            _ = Leaving.GiveUpWaiting(turn);
        if (turn.State.Phase == RunPhase.Waiting)
            SayWhatIsMissing(turn);
    }

    /// <summary>
    /// It takes part again when it is offered again; one that could not be reached, some seconds later. A call of an
    /// older generation says nothing of the member of now.
    /// </summary>
    public static void Lose(Turn turn, WorkerLost lost)
    {
        if (turn.Member(lost.Worker, lost.Generation) is not { } member)
            return;
        if (lost.IsOutOfReach)
            Shun(turn, member);
        turn.State = turn.State with { Offered = turn.State.Offered.RemoveAll(worker => worker.Key == lost.Worker) };
        Remove(turn, [lost.Worker], $"worker {lost.Worker} was lost: {lost.Reason}", mayReturn: lost.IsOutOfReach);
    }

    public static void Trouble(Turn turn, WorkerTroubled trouble)
    {
        if (turn.Member(trouble.Worker, trouble.Generation) is not { } member)
            return;
        if (trouble.IsFinal)
        {
            Endings.FailAfterSaving(turn, trouble.Worker, trouble.Reason);
            return;
        }

        if (trouble.HasNoMemory)
        {
            Refusing.LackMemory(turn, member, trouble.Reason);
            return;
        }

        var who = (member.Key, member.Incarnation);
        var count = turn.State.Troubles.GetValueOrDefault(who) + 1;
        turn.State = turn.State with { Troubles = turn.State.Troubles.SetItem(who, count) };
        turn.Warn($"Worker {trouble.Worker} is in trouble: {trouble.Reason}");
        if (count >= RunMachine.MaxTroubleCount && turn.State.Members.Count + Newcomers(turn).Count == 1)
        {
            Endings.FailAfterSaving(
                turn, trouble.Worker, $"No worker is left; the last one's trouble was: {trouble.Reason}");
            return;
        }

        if (count >= RunMachine.MaxTroubleCount)
            turn.Send(new ReleaseWorkers([trouble.Worker], turn.Generation));
        Remove(turn, [trouble.Worker], $"worker {trouble.Worker} was in trouble");
    }

    /// <summary>
    /// Stripes do not pass between two silos: the step waits, and if that lasts one of the two is left out. It is the
    /// one that was reported, unless the other is out of touch with more silos. A silo whose process has ended is not
    /// waited for: the cluster finds out later.
    /// </summary>
    public static void Unreachable(Turn turn, SiloUnreachable report)
    {
        var (from, silo) = (report.From, report.Silo);
        if (report.Generation != turn.Generation || !HasMembers(turn, from) || !HasMembers(turn, silo))
            return;
        if (report.IsGone)
        {
            TakeForDead(turn, silo, report.Reason);
            return;
        }

        var count = turn.State.Unreachable.GetValueOrDefault((from, silo)) + 1;
        turn.State = turn.State with { Unreachable = turn.State.Unreachable.SetItem((from, silo), count) };
        if (count == 1)
            turn.Warn(report.Reason);
        if (count >= RunMachine.MaxUnreachableCount)
            LeaveOut(turn, Severed(turn, from) > Severed(turn, silo) ? from : silo);
    }

    /// <summary>At a boundary: raises the generation if somebody wants to join and may.</summary>
    public static bool Admit(Turn turn)
    {
        var newcomers = Newcomers(turn);
        if (newcomers.Count == 0)
            return false;
        Form(turn, Joined(newcomers));
        return true;
    }

    /// <summary>Raises the generation with all who may take part; waits if they are too few.</summary>
    public static void Form(Turn turn, string reason)
    {
        var newcomers = Newcomers(turn).Select(worker => new RunMember(
            worker.Key, worker.Silo, worker.Incarnation));
        var members = BySilo(turn.State.Members.AddRange(newcomers));
        if (members.Count < Needed(turn, members))
            Wait(turn);
        else
            Raise(turn, members, reason);
    }

    /// <summary>
    /// Workers of one silo side by side, silos as they came: leaves are divided in this order, and what neighbours
    /// compute is one sum before it leaves their silo.
    /// </summary>
    private static ImmutableList<RunMember> BySilo(ImmutableList<RunMember> members) =>
        [.. members.GroupBy(member => member.Silo).SelectMany(silo => silo)];

    /// <summary>
    /// Raises the generation to save what the members hold before the run fails: without the one in trouble, unless it
    /// is the only one.
    /// </summary>
    public static void FormToSave(Turn turn, string troubled)
    {
        if (turn.State.Members.Count > 1)
            Drop(turn, [troubled]);
        Raise(turn, turn.State.Members, "the run fails and saves what it has");
    }

    /// <summary>
    /// Ends a run whose workers were all refused since people wanted it to go on, and that nobody else came for. One
    /// that has computed since then waits for those that did: they may only be started again.
    /// </summary>
    public static void GiveUpWaiting(Turn turn)
    {
        var isHopeless = turn.State is { Phase: RunPhase.Waiting, Members.IsEmpty: true, Refusal: not null }
            && !turn.Record.HasComputed && Newcomers(turn).IsEmpty
            && turn.State.Now - turn.State.WaitingSince >= RunMachine.RefusalPatience;
        if (isHopeless)
            turn.Fail(turn.State.Refusal!);
    }

    /// <summary>A run that waits takes those again that it had left out for their troubles.</summary>
    /// <returns>Whether there were any.</returns>
    public static bool TakeAgain(Turn turn)
    {
        var state = turn.State;
        var isTime = state is { Phase: RunPhase.Waiting, Refusal: null }
            && state.Now - state.WaitingSince >= RunMachine.TroublePatience;
        var doubted = state.Offered.Where(worker => IsDoubted(turn, worker)).ToList();
        if (!isTime || doubted.Count == 0)
            return false;
        turn.State = state with
        {
            Troubles = state.Troubles.RemoveRange(doubted.Select(worker => (worker.Key, worker.Incarnation))),
            WaitingSince = state.Now,
        };
        Form(turn, $"{Names([.. doubted.Select(worker => worker.Key)])} had been in trouble and may try again");
        return true;
    }

    /// <summary>
    /// Goes on without some members. A run that is to end does not end without the last of them while it may return:
    /// its replica may be further than the newest checkpoint.
    /// </summary>
    public static void Remove(Turn turn, IReadOnlyList<string> workers, string reason, bool mayReturn = false)
    {
        var count = turn.State.Members.Count;
        Drop(turn, workers);
        if (turn.State.Members.Count == count || turn.State.Phase == RunPhase.Waiting)
            return;
        var isNobodyLeft = turn.State.Members.IsEmpty && turn.State.Ending is not null;
        if (isNobodyLeft && mayReturn)
        {
            Wait(turn);
            return;
        }

        if (isNobodyLeft)
            Endings.LoseState(turn);
        if (turn.State.Phase != RunPhase.Resting)
            Form(turn, reason);
    }

    /// <summary>Nobody that could hold the state of a run that is to end is offered any more.</summary>
    private static bool IsLost(Turn turn) => turn.State is { Phase: RunPhase.Waiting, Members.IsEmpty: true }
        && turn.State.Ending is not null && Newcomers(turn).IsEmpty;

    private static void TakeForDead(Turn turn, string silo, string reason)
    {
        var members = turn.State.Members.FindAll(member => member.Silo == silo);
        var gone = members.Select(member => (member.Silo, member.Incarnation)).Distinct();
        turn.State = turn.State with
        {
            Gone = turn.State.Gone.SetItems(gone.Select(who => KeyValuePair.Create(who, (turn.State.Now, reason)))),
        };
        Remove(turn, members.ConvertAll(member => member.Key), $"silo {silo} has ended");
    }

    /// <summary>
    /// A silo that the cluster offers all the time lives: it is left out as any other that stripes cannot reach, and
    /// people are told why.
    /// </summary>
    private static void DoubtThatTheyAreGone(Turn turn)
    {
        var state = turn.State;
        foreach (var (who, (since, reason)) in state.Gone)
        {
            if (state.Now - since < RunMachine.GonePatience)
                continue;
            turn.State = turn.State with { Gone = turn.State.Gone.Remove(who) };
            turn.Warn(reason);
            Bar(turn, [.. state.Offered.Where(worker => (worker.Silo, worker.Incarnation) == who)
                .Select(worker => (worker.Key, worker.Incarnation))]);
        }
    }

    private static void LeaveOut(Turn turn, string silo)
    {
        var members = turn.State.Members.FindAll(member => member.Silo == silo);
        Bar(turn, members.ConvertAll(member => (member.Key, member.Incarnation)));
        List<string> workers = [.. members.Select(member => member.Key)];
        Remove(turn, workers, $"silo {silo} was left out, as stripes cannot pass");
    }

    private static void Bar(Turn turn, IReadOnlyList<(string Key, string Incarnation)> workers)
    {
        var barred = workers.Select(worker => KeyValuePair.Create(worker, RunMachine.MaxTroubleCount));
        turn.State = turn.State with { Troubles = turn.State.Troubles.SetItems(barred) };
        turn.Send(new ReleaseWorkers([.. workers.Select(worker => worker.Key)], turn.Generation));
    }

    private static int Severed(Turn turn, string silo) =>
        turn.State.Unreachable.Keys.Count(pair => pair.From == silo || pair.Silo == silo);

    private static bool HasMembers(Turn turn, string silo) =>
        turn.State.Members.Exists(member => member.Silo == silo);

    public static void Drop(Turn turn, IReadOnlyList<string> workers)
    {
        var members = turn.State.Members.RemoveAll(member => workers.Contains(member.Key));
        turn.State = turn.State with { Members = members };
        if (turn.State.CheckpointInFlight is { } writing && workers.Contains(writing.Worker))
            turn.State = turn.State with { CheckpointInFlight = null, CheckpointIsDue = true };
    }

    private static void Wait(Turn turn)
    {
        if (turn.State.Phase != RunPhase.Waiting)
            turn.State = turn.State with { Phase = RunPhase.Waiting, WaitingSince = turn.State.Now };
        if (turn.Record.Status == RunStatus.Queued)
            return;
        turn.Record = turn.Record with { Status = RunStatus.Queued, Remark = null };
        turn.Persist();
    }

    /// <summary>
    /// Stored and told when the run begins to wait and when what the cluster has changes: not with every offer.
    /// </summary>
    private static void SayWhatIsMissing(Turn turn)
    {
        var needed = Needed(turn, turn.State.Members);
        if (IsAssignmentUnderWay(turn, needed))
            return;
        var which = turn.State.Refusal is null ? "" : " of its compute profile";
        var shares = turn.State.OtherRuns.Select(share => $", {share.WorkerCount} of them for run {share.Run}");
        var remark = $"it waits for {needed} {(needed == 1 ? "worker" : "workers")}{which}; "
            + $"the cluster has {Advice.WorkersThere(turn)}{string.Concat(shares)}";
        if (turn.Record.Remark == remark)
            return;
        turn.Record = turn.Record with { Remark = remark };
        turn.Persist();
        turn.Warn($"The run {(turn.Generation == 0 ? "begins" : "goes on")} when it can: {remark}.");
    }

    /// <summary>Whether nothing is missing but the cluster's word on who of the free workers is to come.</summary>
    private static bool IsAssignmentUnderWay(Turn turn, int needed) =>
        turn.State is { Refusal: null, Refused.IsEmpty: true, Offered.IsEmpty: true, Members.IsEmpty: true }
        && turn.State.ClusterWorkerCount - turn.State.OtherRuns.Sum(share => share.WorkerCount) >= needed;

    /// <summary>
    /// What is held is saved or handed over by however few there are; for steps there must be enough of them.
    /// </summary>
    public static int Needed(Turn turn, ImmutableList<RunMember> members)
    {
        var isForSteps = turn.State.Ending is null && !members.Exists(member => Leaving.IsLeaving(turn.State, member));
        return isForSteps ? turn.Specification.Workers.Min : 1;
    }

    private static void Raise(Turn turn, ImmutableList<RunMember> members, string reason)
    {
        turn.Record = turn.Record with
        {
            Generation = turn.Generation + 1,
            Status = RunStatus.Preparing,
            Remark = null,
        };
        turn.State = turn.State with
        {
            Members = members,
            HasAsked = true,
            MembershipReason = reason,
            MeasuredSteps = [],
            Unreachable = turn.State.Unreachable.Clear(),
        };
        turn.Persist();
        Preparation.Begin(turn);
    }

    public static ImmutableList<OfferedWorker> Newcomers(Turn turn)
    {
        var free = turn.State.Offered.Where(worker => MayJoin(turn, worker)).ToList();
        var staying = turn.State.Members.Count(member => !Leaving.IsLeaving(turn.State, member));
        var room = (turn.Specification.Workers.Max ?? int.MaxValue) - staying;
        var holders = free.Where(worker => worker.Leaving is not null && Leaving.MayHoldTheOnlyReplica(turn));
        return [.. free.Where(worker => worker.Leaving is null).Take(Math.Max(0, room)), .. holders];
    }

    private static bool MayJoin(Turn turn, OfferedWorker worker) =>
        !turn.State.Members.Exists(member => member.Key == worker.Key)
        && !turn.State.Gone.ContainsKey((worker.Silo, worker.Incarnation))
        && !turn.State.Refused.Contains((worker.Key, worker.Incarnation))
        && !IsShunned(turn, worker)
        && !IsDoubted(turn, worker);

    private static bool IsDoubted(Turn turn, OfferedWorker worker) =>
        turn.State.Troubles.GetValueOrDefault((worker.Key, worker.Incarnation)) >= RunMachine.MaxTroubleCount;

    private static void Shun(Turn turn, RunMember member)
    {
        var now = turn.State.Now;
        var known = turn.State.OutOfReach.RemoveRange(
            turn.State.OutOfReach.Where(pair => pair.Value <= now).Select(pair => pair.Key));
        turn.State = turn.State with
        {
            OutOfReach = known.SetItem((member.Key, member.Incarnation), now + RunMachine.OutOfReachPause),
        };
    }

    /// <summary>A run that has too few workers tries whoever there is.</summary>
    private static bool IsShunned(Turn turn, OfferedWorker worker) =>
        turn.State.Now < turn.State.OutOfReach.GetValueOrDefault((worker.Key, worker.Incarnation))
        && turn.State.Members.Count >= turn.Specification.Workers.Min;

    private static bool MayBringWhatIsMissing(Turn turn) =>
        turn.State.MissingCheckpoint is not null && Newcomers(turn).Count > 0;

    private static bool IsOffered(Turn turn, RunMember member) => turn.State.Offered.Exists(
        offered => offered.Key == member.Key && offered.Incarnation == member.Incarnation);

    private static string Departed(Turn turn, List<string> gone)
    {
        var again = gone.FindAll(key => turn.State.Offered.Exists(offered => offered.Key == key));
        var left = gone.FindAll(key => !again.Contains(key));
        return (left.Count, again.Count) switch
        {
            (_, 0) => $"{Names(left)} no longer offered",
            (0, _) => $"{Names(again)} started again",
            _ => $"{Names(left)} no longer offered, {Names(again)} started again",
        };
    }

    /// <summary>Those whom a coordinator hears of first have served the one before it.</summary>
    private static string Come(Turn turn, ImmutableList<OfferedWorker> workers) =>
        turn.Generation > 0 && !turn.State.HasAsked
            ? $"{Names([.. workers.Select(worker => worker.Key)])} under a new coordinator"
            : Joined(workers);

    public static string Joined(ImmutableList<OfferedWorker> workers) =>
        $"{Names([.. workers.Select(worker => worker.Key)])} joined";

    public static string Names(List<string> workers) =>
        (workers.Count == 1 ? "worker " : "workers ") + string.Join(", ", workers);
}
