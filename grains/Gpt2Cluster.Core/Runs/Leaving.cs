using System.Collections.Immutable;

namespace Gpt2Cluster.Core.Runs;

/// <summary>
/// Workers that leave in good order, as their silo stops or another run gets them: they finish the step, and at the
/// boundary the generation is raised without them. Whoever is the last one hands its replica over, to a newcomer or to
/// a checkpoint.
/// </summary>
internal static class Leaving
{
    /// <summary>Whether a member is to leave.</summary>
    public static bool IsLeaving(RunState state, RunMember member) => Why(state, member.Key) is not null;

    /// <summary>
    /// Before a coordinator has asked for the first time, one that is to leave is asked like all others: it may have
    /// served the coordinator before this one.
    /// </summary>
    public static bool MayHoldTheOnlyReplica(Turn turn) => turn.Generation > 0 && !turn.State.HasAsked;

    /// <summary>Lets those go that leave and take no part: whoever offers them waits for that.</summary>
    public static void ReleaseBystanders(Turn turn)
    {
        if (MayHoldTheOnlyReplica(turn))
            return;
        var members = turn.State.Members.Select(member => member.Key);
        var leaving = turn.State.Offered.Where(worker => worker.Leaving is not null).Select(worker => worker.Key);
        List<string> bystanders = [.. leaving.Except(members)];
        if (bystanders.Count > 0)
            turn.Send(new ReleaseWorkers(bystanders, turn.Generation));
    }

    /// <summary>At a boundary, where all replicas are equal: the first thing that is done there.</summary>
    /// <returns>Whether something else than the boundary's own work has been begun.</returns>
    public static bool Begin(Turn turn)
    {
        var leaving = turn.State.Members.FindAll(member => IsLeaving(turn.State, member));
        if (leaving.IsEmpty || IsInTheMiddle(turn, leaving))
            return false;
        if (leaving.Count < turn.State.Members.Count)
        {
            var joining = Membership.Newcomers(turn);
            var joined = joining.IsEmpty ? "" : $"; {Membership.Joined(joining)}";
            LetGo(turn, leaving, joined);
            return true;
        }

        return HandOver(turn, leaving);
    }

    /// <summary>
    /// While the run waits for a checkpoint's disk nobody holds anything, and no boundary comes: they go at once.
    /// </summary>
    public static bool GiveUpWaiting(Turn turn)
    {
        var leaving = turn.State.Members.FindAll(member => IsLeaving(turn.State, member));
        if (turn.State.MissingCheckpoint is null || leaving.IsEmpty)
            return false;
        LetGo(turn, leaving, "");
        return true;
    }

    /// <summary>
    /// What they hold of a step that was interrupted, by a coordinator's death say, would be computed again.
    /// </summary>
    private static bool IsInTheMiddle(Turn turn, ImmutableList<RunMember> leaving) => turn.State.Ending is null
        && leaving.Exists(member => member.Held.Count > 0)
        && turn.State.Members.Count >= turn.Specification.Workers.Min;

    /// <summary>
    /// The last ones: a newcomer copies their replica, or a checkpoint keeps it until somebody comes.
    /// </summary>
    private static bool HandOver(Turn turn, ImmutableList<RunMember> leaving)
    {
        var joining = Membership.Newcomers(turn);
        if (turn.State.Ending is null && !joining.IsEmpty)
        {
            Membership.Form(turn, $"{Membership.Joined(joining)} to take over from {Names(leaving)}");
            return true;
        }

        // Before the first step there is nothing to keep.
        var kept = turn.State.Step == 0 ? LastCheckpoint.IsWritten : Saving.SaveLast(turn);
        var isCopied = turn.State.Step == 0 || !Copying.IsWaitedFor(turn);
        if (kept == LastCheckpoint.IsAwaited || (kept == LastCheckpoint.IsWritten && !isCopied))
            return true;
        if (turn.State.Ending is not null)
            return false;
        if (kept == LastCheckpoint.IsGivenUp)
            turn.Warn($"{Endings.Loss(turn)}.");
        LetGo(turn, leaving, "");
        return true;
    }

    private static void LetGo(Turn turn, ImmutableList<RunMember> leaving, string joined)
    {
        var reasons = leaving.Select(member => Why(turn.State, member.Key)).Distinct();
        var reason = $"{Names(leaving)} left in good order ({string.Join(", ", reasons)}){joined}";
        List<string> workers = [.. leaving.Select(member => member.Key)];
        turn.Send(new ReleaseWorkers(workers, turn.Generation));
        Membership.Drop(turn, workers);
        Membership.Form(turn, reason);
        if (turn.State.Phase == RunPhase.Waiting)
            turn.Tell(new MembershipChanged(turn.State.Step, turn.Generation, 0, reason));
    }

    private static string? Why(RunState state, string worker) =>
        state.Offered.Find(offered => offered.Key == worker)?.Leaving;

    private static string Names(ImmutableList<RunMember> members) =>
        Membership.Names([.. members.Select(member => member.Key)]);
}
