using System.Collections.Immutable;

namespace Gpt2Cluster.Core.Runs;

/// <summary>Who computes: every change raises the generation, and survivors keep their replicas.</summary>
internal static class Membership
{
    public static void Offer(Turn turn, WorkersOffered offer)
    {
        turn.State = turn.State with { Offered = [.. offer.Workers.DistinctBy(worker => worker.Key)] };
        if (turn.State.Phase == RunPhase.Resting)
            return;
        var missing = turn.State.Members.Where(member => !IsOffered(turn, member));
        List<string> gone = [.. missing.Select(member => member.Key)];
        if (gone.Count > 0)
            Remove(turn, gone, Departed(turn, gone));
        else if (turn.State.Phase == RunPhase.Waiting)
            Form(turn, Joined(Newcomers(turn)));
    }

    /// <summary>
    /// It takes part again when it is offered again. A call of an older generation says nothing of the member of now.
    /// </summary>
    public static void Lose(Turn turn, WorkerLost lost)
    {
        if (turn.Member(lost.Worker, lost.Generation) is null)
            return;
        turn.State = turn.State with { Offered = turn.State.Offered.RemoveAll(worker => worker.Key == lost.Worker) };
        Remove(turn, [lost.Worker], $"worker {lost.Worker} was lost: {lost.Reason}");
    }

    public static void Trouble(Turn turn, WorkerTroubled trouble)
    {
        if (turn.Member(trouble.Worker, trouble.Generation) is null)
            return;
        if (trouble.IsFinal)
        {
            turn.Fail(trouble.Reason);
            return;
        }

        var count = turn.State.Troubles.GetValueOrDefault(trouble.Worker) + 1;
        turn.State = turn.State with { Troubles = turn.State.Troubles.SetItem(trouble.Worker, count) };
        turn.Warn($"Worker {trouble.Worker} is in trouble: {trouble.Reason}");
        if (count >= RunMachine.MaxTroubleCount && turn.State.Members.Count + Newcomers(turn).Count == 1)
            turn.Fail($"No worker is left; the last one's trouble was: {trouble.Reason}");
        else
            Remove(turn, [trouble.Worker], $"worker {trouble.Worker} was in trouble");
    }

    /// <summary>A worker that must not take part, whatever it tries, until the coordinator starts anew.</summary>
    public static void Refuse(Turn turn, RunMember member, string reason)
    {
        turn.State = turn.State with
        {
            Troubles = turn.State.Troubles.SetItem(member.Key, RunMachine.MaxTroubleCount),
        };
        turn.Warn(reason);
        turn.Send(new ReleaseWorkers([member.Key], turn.Generation));
        Remove(turn, [member.Key], $"worker {member.Key} was refused");
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
        var members = turn.State.Members.AddRange(newcomers);
        var needed = turn.State.Ending is null ? turn.Specification.Workers.Min : 1;
        if (members.Count < needed)
            Wait(turn, $"it waits for {needed} workers and has {members.Count}");
        else
            Raise(turn, members, reason);
    }

    private static void Remove(Turn turn, IReadOnlyList<string> workers, string reason)
    {
        var members = turn.State.Members.RemoveAll(member => workers.Contains(member.Key));
        if (members.Count == turn.State.Members.Count)
            return;
        turn.State = turn.State with { Members = members };
        if (turn.State.CheckpointInFlight is { } writing && workers.Contains(writing.Worker))
            turn.State = turn.State with { CheckpointInFlight = null, CheckpointIsDue = true };
        if (turn.State.Phase == RunPhase.Waiting)
            return;
        if (members.IsEmpty && turn.State.Ending is not null)
            Endings.LoseState(turn);
        if (turn.State.Phase != RunPhase.Resting)
            Form(turn, reason);
    }

    private static void Wait(Turn turn, string remark)
    {
        turn.Record = turn.Record with { Status = RunStatus.Queued, Remark = remark };
        turn.State = turn.State with { Phase = RunPhase.Waiting };
        turn.Persist();
    }

    private static void Raise(Turn turn, ImmutableList<RunMember> members, string reason)
    {
        turn.Record = turn.Record with
        {
            Generation = turn.Generation + 1,
            Status = RunStatus.Preparing,
            Remark = null,
        };
        turn.State = turn.State with { Members = members, MembershipReason = reason };
        turn.Persist();
        Preparation.Begin(turn);
    }

    private static ImmutableList<OfferedWorker> Newcomers(Turn turn)
    {
        var free = turn.State.Offered.Where(worker => MayJoin(turn.State, worker.Key));
        var room = (turn.Specification.Workers.Max ?? int.MaxValue) - turn.State.Members.Count;
        return [.. free.Take(Math.Max(0, room))];
    }

    private static bool MayJoin(RunState state, string worker) =>
        !state.Members.Exists(member => member.Key == worker)
        && state.Troubles.GetValueOrDefault(worker) < RunMachine.MaxTroubleCount;

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

    private static string Joined(ImmutableList<OfferedWorker> workers) =>
        $"{Names([.. workers.Select(worker => worker.Key)])} joined";

    private static string Names(List<string> workers) =>
        (workers.Count == 1 ? "worker " : "workers ") + string.Join(", ", workers);
}
