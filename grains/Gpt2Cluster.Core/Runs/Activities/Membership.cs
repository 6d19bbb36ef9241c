using System.Collections.Immutable;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Runs.State;

namespace Gpt2Cluster.Core.Runs.Activities;

/// <summary>Who computes: every change raises the generation, and survivors keep their replicas.</summary>
internal static class Membership
{
    /// <summary>Raises the generation with those who join at a boundary.</summary>
    public static void Admit(Transition transition) =>
        Form(transition, Candidates.Joined(Candidates.Newcomers(transition.State)));

    /// <summary>Raises the generation with all who may take part; waits if they are too few.</summary>
    public static void Form(Transition transition, string reason)
    {
        var newcomers = Candidates.Newcomers(transition.State)
            .Select(worker => new RunMember(worker.Key, worker.Incarnation));
        var members = BySilo(transition.State.Members.AddRange(newcomers));
        if (members.Count < Candidates.Needed(transition.State, members))
            Wait(transition);
        else
            Raise(transition, members, reason);
    }

    /// <summary>
    /// Raises the generation to save what the members hold before the run fails: without the one in trouble, unless it
    /// is the only one.
    /// </summary>
    public static void FormToSave(Transition transition, WorkerId troubled)
    {
        if (transition.State.Members.Count > 1)
            Drop(transition, [troubled]);
        Raise(transition, transition.State.Members, "the run fails and saves what it has");
    }

    /// <summary>
    /// Goes on without some members. A run that is to end does not end without the last of them while it may return:
    /// its replica may be further than the newest checkpoint.
    /// </summary>
    public static void Remove(
        Transition transition, IReadOnlyList<WorkerId> workers, string reason, bool mayReturn = false)
    {
        var count = transition.State.Members.Count;
        Drop(transition, workers);
        if (transition.State.Members.Count == count || transition.State.Phase is RunPhase.Waiting)
            return;
        var isNobodyLeft = transition.State.Members.IsEmpty && transition.State.Ending is not null;
        if (isNobodyLeft && mayReturn)
        {
            Wait(transition);
            return;
        }

        if (isNobodyLeft)
            Completion.LoseState(transition);
        if (!transition.State.IsResting)
            Form(transition, reason);
    }

    /// <summary>Members take no part any more; what they were writing is due again.</summary>
    public static void Drop(Transition transition, IReadOnlyList<WorkerId> workers)
    {
        var members = transition.State.Members.RemoveAll(member => workers.Contains(member.Key));
        transition.State = transition.State with { Members = members };
        if (transition.Checkpointing.Writing is { } writing && workers.Contains(writing.Command.Worker))
            transition.Checkpointing = transition.Checkpointing with { Writing = null, IsDue = true };
    }

    private static void Wait(Transition transition)
    {
        if (transition.State.Phase is not RunPhase.Waiting)
            transition.BecomeWaiting();
        if (transition.Record.Status == RunStatus.Queued)
            return;
        transition.Record = transition.Record with { Status = RunStatus.Queued, Remark = null };
        transition.Persist();
    }

    private static void Raise(Transition transition, ImmutableList<RunMember> members, string reason)
    {
        transition.Record = transition.Record with
        {
            Generation = transition.Generation + 1,
            Status = RunStatus.Preparing,
            Remark = null,
        };
        transition.State = transition.State with
        {
            HasAsked = true,
            MembershipReason = reason,
            MeasuredSteps = [],
        };
        transition.Exclusions = transition.Exclusions.WithoutUnreachables();
        transition.Persist();
        transition.BecomeSurveying(members);
    }

    /// <summary>
    /// Workers of one silo side by side, silos as they came: leaves are divided in this order, and what neighbours
    /// compute is one sum before it leaves their silo.
    /// </summary>
    private static ImmutableList<RunMember> BySilo(ImmutableList<RunMember> members) =>
        [.. members.GroupBy(member => member.Silo).SelectMany(silo => silo)];
}
