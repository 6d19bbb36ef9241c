using System.Collections.Immutable;
using Gpt2Cluster.Core.Runs.State;

namespace Gpt2Cluster.Core.Runs.Activities;

/// <summary>
/// Workers that leave in good order, as their silo stops or another run gets them: they finish the step, and at the
/// boundary the generation is raised without them. Whoever is the last one hands its replica over, to a newcomer or to
/// a checkpoint.
/// </summary>
internal static class Draining
{
    /// <summary>Lets those go that leave and take no part: whoever offers them waits for that.</summary>
    public static void ReleaseBystanders(Transition transition)
    {
        // One that is to leave is asked like all others: it may have served the coordinator before this one.
        if (transition.State.MayHaveUnaskedWorkers)
            return;
        var members = transition.State.Members.Select(member => member.Key);
        var leaving = transition.State.Cluster.Offered.Where(worker => worker.Leaving is not null);
        List<string> bystanders = [.. leaving.Select(worker => worker.Key).Except(members)];
        if (bystanders.Count > 0)
            transition.Send(new ReleaseWorkers(bystanders, transition.Generation));
    }

    /// <summary>
    /// What they hold of a step that was interrupted, by a coordinator's death say, would be computed again.
    /// </summary>
    public static bool IsInTheMiddle(RunState state, ImmutableList<RunMember> leaving) => state.Ending is null
        && leaving.Exists(member => member.Held.Count > 0)
        && state.Members.Count >= state.Record.Specification.Workers.Min;

    /// <summary>All members leave, and newcomers copy their replica.</summary>
    public static void HandOver(Transition transition)
    {
        var joined = Candidates.Joined(Candidates.Newcomers(transition.State));
        var leaving = Candidates.Names(transition.State.Members.Select(member => member.Key));
        Membership.Form(transition, $"{joined} to take over from {leaving}");
    }

    /// <summary>
    /// While the run waits for a checkpoint's disk nobody holds anything, and no boundary comes: they go at once.
    /// </summary>
    public static void GiveUpWaiting(Transition transition)
    {
        if (transition.Checkpointing.Missing is not null && transition.State.Members.Exists(transition.State.IsLeaving))
            LetGo(transition, failedSaveCount: 0);
    }

    /// <summary>Members that leave go; the others, and who joins, go on.</summary>
    public static void LetGo(Transition transition, int failedSaveCount)
    {
        var state = transition.State;
        List<string> leaving = [.. state.Members.Where(state.IsLeaving).Select(member => member.Key)];
        if (leaving.Count == state.Members.Count && state.Step > 0
            && CheckpointWriting.Last(state, failedSaveCount) == LastCheckpoint.IsGivenUp)
            transition.Warn($"{Completion.Loss(state)}.");
        var reasons = leaving.Select(state.WhyLeaving).Distinct();
        var joined = Candidates.Newcomers(state) is { IsEmpty: false } news ? $"; {Candidates.Joined(news)}" : "";
        var reason =
            $"{Candidates.Names(leaving)} left in good order ({string.Join(", ", reasons)}){joined}";
        transition.Send(new ReleaseWorkers(leaving, transition.Generation));
        Membership.Drop(transition, leaving);
        Membership.Form(transition, reason);
        if (transition.State.Phase is RunPhase.Waiting)
            transition.Publish(new MembershipChanged(state.Step, transition.Generation, 0, reason));
    }
}
