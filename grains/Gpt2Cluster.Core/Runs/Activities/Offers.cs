using System.Collections.Immutable;
using Gpt2Cluster.Core.Runs.Planning;
using Gpt2Cluster.Core.Runs.State;

namespace Gpt2Cluster.Core.Runs.Activities;

/// <summary>What the cluster offers, and what a run does that has too few workers.</summary>
internal static class Offers
{
    public static void Offer(Transition transition, WorkersOffered offer)
    {
        TakeOver(transition, offer);
        if (transition.State.IsResting)
            return;
        FaultReports.SeverThoseThatLive(transition);
        if (IsLost(transition.State))
        {
            Completion.LoseState(transition);
            return;
        }

        CheckpointCopies.OrderNext(transition);
        Draining.ReleaseBystanders(transition);
        var state = transition.State;
        List<string> gone = [.. state.Members.Where(member => !IsOffered(state, member)).Select(member => member.Key)];
        var newcomers = Candidates.Newcomers(state);
        var mayBringWhatIsMissing = state.Checkpointing.Missing is not null && !newcomers.IsEmpty;
        if (gone.Count > 0)
            Membership.Remove(transition, gone, Departed(state, gone));
        else if (state.Phase is RunPhase.Waiting || mayBringWhatIsMissing)
            Membership.Form(transition, Come(state, newcomers));
        else
            Draining.GiveUpWaiting(transition);
        if (transition.State.Phase is RunPhase.Waiting)
            SayWhatIsMissing(transition);
    }

    /// <summary>
    /// Ends a run whose workers were all refused since people wanted it to go on, and that nobody else came for. One
    /// that has computed since then waits for those that did: they may only be started again.
    /// </summary>
    public static void GiveUpWaiting(Transition transition)
    {
        if (transition.State is { Phase: RunPhase.Waiting waiting, Members.IsEmpty: true, Refusal: { } refusal } state
            && !state.Record.HasComputed && Candidates.Newcomers(state).IsEmpty
            && state.Now - waiting.Since >= state.Options.WaitingPatience)
            Completion.Fail(transition, refusal);
    }

    /// <summary>A run that waits takes those again that it had left out for their troubles.</summary>
    /// <returns>Whether there were any.</returns>
    public static bool ReadmitTroubled(Transition transition)
    {
        if (transition.State is not { Phase: RunPhase.Waiting waiting, Refusal: null } state
            || state.Now - waiting.Since < state.Options.WaitingPatience)
            return false;
        var workers = state.Cluster.Offered.FindAll(
            worker => state.Exclusions.All.Exists(each => IsForTroubles(each) && each.Covers(worker)));
        if (workers.IsEmpty)
            return false;
        transition.Readmit(each => IsForTroubles(each) && workers.Exists(each.Covers));
        transition.Exclusions =
            transition.Exclusions.Forgive(workers.Select(worker => (worker.Key, worker.Incarnation)));
        transition.BecomeWaiting();
        var names = Candidates.Names(workers.Select(worker => worker.Key));
        Membership.Form(transition, $"{names} had been in trouble and may try again");
        return true;
    }

    private static bool IsForTroubles(Exclusion exclusion) =>
        exclusion.Reason is ExclusionReason.Troubled or ExclusionReason.CutOff;

    private static void TakeOver(Transition transition, WorkersOffered offer)
    {
        ImmutableList<OfferedWorker> offered = [.. offer.Workers.DistinctBy(worker => worker.Key)];
        transition.State = transition.State with
        {
            Cluster = new ClusterOffer(offered)
            {
                WorkerCount = offer.ClusterWorkerCount,
                OtherDeviceCount = offer.OtherDeviceCount,
                OtherRuns = offer.OtherRuns,
                Disks = offer.Disks,
            },
            Exclusions = transition.Exclusions.WithoutAbsent(offer.Workers),
        };
    }

    /// <summary>Nobody that could hold the state of a run that is to end is offered any more.</summary>
    private static bool IsLost(RunState state) =>
        state is { Phase: RunPhase.Waiting, Members.IsEmpty: true, Ending: not null }
        && Candidates.Newcomers(state).IsEmpty;

    private static bool IsOffered(RunState state, RunMember member) => state.Cluster.Offered.Exists(
        offered => offered.Key == member.Key && offered.Incarnation == member.Incarnation);

    /// <summary>
    /// Stored and told when the run begins to wait and when what the cluster has changes: not with every offer.
    /// </summary>
    private static void SayWhatIsMissing(Transition transition)
    {
        var state = transition.State;
        var needed = Candidates.Needed(state, state.Members);
        if (IsAssignmentUnderWay(state, needed))
            return;
        var which = state.Refusal is null ? "" : " of its compute profile";
        var shares = state.Cluster.OtherRuns.Select(share => $", {share.WorkerCount} of them for run {share.Run}");
        var there = Advice.WorkersThere(state.Record, state.Cluster);
        var remark = $"it waits for {needed} {(needed == 1 ? "worker" : "workers")}{which}; "
            + $"the cluster has {there}{string.Concat(shares)}";
        if (transition.Record.Remark == remark)
            return;
        transition.Record = transition.Record with { Remark = remark };
        transition.Persist();
        transition.Warn($"The run {(transition.Generation == 0 ? "begins" : "goes on")} when it can: {remark}.");
    }

    /// <summary>Whether nothing is missing but the cluster's word on who of the free workers is to come.</summary>
    private static bool IsAssignmentUnderWay(RunState state, int needed) =>
        state is { Refusal: null, Cluster: { Offered.IsEmpty: true } cluster, Members.IsEmpty: true }
        && !state.Exclusions.Unfit.Any()
        && cluster.WorkerCount - cluster.OtherRuns.Sum(share => share.WorkerCount) >= needed;

    private static string Departed(RunState state, List<string> gone)
    {
        var again = gone.FindAll(key => state.Cluster.Offered.Exists(offered => offered.Key == key));
        var left = gone.FindAll(key => !again.Contains(key));
        return (left.Count, again.Count) switch
        {
            (_, 0) => $"{Candidates.Names(left)} no longer offered",
            (0, _) => $"{Candidates.Names(again)} started again",
            _ => $"{Candidates.Names(left)} no longer offered, {Candidates.Names(again)} started again",
        };
    }

    /// <summary>Those whom a coordinator hears of first have served the one before it.</summary>
    private static string Come(RunState state, ImmutableList<OfferedWorker> newcomers)
    {
        if (newcomers.IsEmpty)
            return "what is held is handed over";
        return state.MayHaveUnaskedWorkers
            ? $"{Candidates.Names(newcomers.Select(worker => worker.Key))} under a new coordinator"
            : Candidates.Joined(newcomers);
    }
}
