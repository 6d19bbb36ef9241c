using Gpt2Cluster.Core.Checkpoints;

namespace Gpt2Cluster.Core.Runs;

/// <summary>How the checkpoint stands that has to be there before replicas go.</summary>
internal enum LastCheckpoint
{
    /// <summary>It is being written, or has to wait for another one.</summary>
    IsAwaited,

    /// <summary>The catalogue names it.</summary>
    IsWritten,

    /// <summary>It failed too often.</summary>
    IsGivenUp,
}

/// <summary>Checkpoints: written in the background, one at a time, while steps go on.</summary>
internal static class Saving
{
    /// <summary>
    /// At a boundary: begins a checkpoint that is due, or remembers it while another is being written.
    /// </summary>
    public static void WhenDue(Turn turn)
    {
        if (!IsDue(turn) || HasStep(turn, turn.State.Step) || turn.State.CheckpointInFlight?.Step == turn.State.Step)
            return;
        if (turn.State.CheckpointInFlight is null && Writer(turn) is { } writer)
            Begin(turn, writer);
        else
            turn.State = turn.State with { CheckpointIsDue = true };
    }

    /// <summary>
    /// Whether the step at hand, the best by validation, has to wait until the checkpoint in flight is written: the
    /// next step would change the replicas before it could be written itself.
    /// </summary>
    public static bool HoldsTheBest(Turn turn) =>
        turn.State.CheckpointInFlight is { } writing && writing.Step != turn.State.Step
        && turn.Record.BestValidation?.Step == turn.State.Step && !HasStep(turn, turn.State.Step);

    public static void Begin(Turn turn, RunMember writer)
    {
        var step = turn.State.Step;
        var isBest = turn.Record.BestValidation?.Step == step;
        var command = new WriteCheckpoint(
            writer.Key, turn.Generation, step, ValidationLoss(turn.Record, step), isBest);
        turn.State = turn.State with
        {
            CheckpointInFlight = command,
            CheckpointSentAt = turn.State.Now,
            CheckpointBegunAt = turn.State.Now,
            CheckpointIsDue = false,
        };
        turn.Send(command);
    }

    /// <summary>
    /// Writes a checkpoint of the state at hand, unless it is there, before those that hold it go. Called again when
    /// one is written or has failed.
    /// </summary>
    public static LastCheckpoint SaveLast(Turn turn)
    {
        turn.State = turn.State with
        {
            Phase = RunPhase.Saving,
            FailedLastCheckpointCount = turn.State.Phase == RunPhase.Saving ? turn.State.FailedLastCheckpointCount : 0,
        };
        if (turn.State.CheckpointInFlight is not null)
            return LastCheckpoint.IsAwaited;
        // A silo that was given up may have written one of a later step since: the run goes on from there.
        if (HasStep(turn, turn.State.Step) || turn.Record.NewestCheckpoint?.Step > turn.State.Step)
            return LastCheckpoint.IsWritten;
        if (turn.State.FailedLastCheckpointCount >= RunMachine.MaxCheckpointAttempts)
            return LastCheckpoint.IsGivenUp;
        if (Writer(turn) is { } writer)
            Begin(turn, writer);
        return LastCheckpoint.IsAwaited;
    }

    public static void Written(Turn turn, CheckpointWritten written)
    {
        var isAwaited = turn.State.CheckpointInFlight is { } command
            && IsAbout(command, written.Worker, written.Step);
        if (isAwaited)
            turn.State = turn.State with { CheckpointInFlight = null };
        var wasBusy = MarkFree(turn, written.Worker);
        // One that a coordinator before this one ordered is as good, and so is one that ends while the run rests. But
        // what is older than the newest and was not in the catalogue has expired when that one came.
        var isNews = !(written.Step <= turn.Record.NewestCheckpoint?.Step);
        if (isNews)
            Publish(turn, written);
        if (isNews && turn.State.Phase != RunPhase.Resting)
            Copying.Next(turn);
        if ((isNews || isAwaited || wasBusy) && turn.State.Phase == RunPhase.Saving)
            Boundary.Next(turn);
    }

    public static void Failed(Turn turn, CheckpointFailed failed)
    {
        var wasBusy = !failed.IsBusy && MarkFree(turn, failed.Worker);
        if (turn.State.CheckpointInFlight is not { } command || !IsAbout(command, failed.Worker, failed.Step))
        {
            if (wasBusy)
                GoOn(turn);
            return;
        }

        if (failed.IsBusy)
        {
            turn.State = turn.State with { CheckpointInFlight = null, CheckpointIsDue = true };
            MarkBusy(turn, failed.Worker);
            GoOn(turn);
            return;
        }

        GiveUp(turn, failed);
    }

    /// <summary>The checkpoint in flight is not waited for any more.</summary>
    public static void GiveUp(Turn turn, CheckpointFailed failed)
    {
        turn.Warn($"The checkpoint of step {failed.Step} could not be written by {failed.Worker}: {failed.Reason}");
        turn.State = turn.State with
        {
            CheckpointInFlight = null,
            FailedCheckpointCount = turn.State.FailedCheckpointCount + 1,
        };
        if (turn.State.Phase != RunPhase.Saving)
        {
            // Each disk is tried at once; if none takes it, the next one waits until it is due.
            turn.State = turn.State with
            {
                CheckpointIsDue = turn.State.FailedCheckpointCount < turn.State.Members.Count,
            };
            return;
        }

        if (failed.Step == turn.State.Step)
            turn.State = turn.State with { FailedLastCheckpointCount = turn.State.FailedLastCheckpointCount + 1 };
        Boundary.Next(turn);
    }

    /// <summary>
    /// The next older checkpoint is used; whoever could load the damaged one elsewhere is copied from.
    /// </summary>
    public static void Damaged(Turn turn, CheckpointDamaged damaged)
    {
        if (!HasStep(turn, damaged.Step))
            return;
        turn.Warn($"The checkpoint of step {damaged.Step} is damaged and set aside: {damaged.Reason}");
        turn.Record = turn.Record with
        {
            Checkpoints = [.. turn.Record.Checkpoints.Where(entry => entry.Step != damaged.Step)],
        };
        turn.Persist();
        if (turn.State.Phase is RunPhase.Standing or RunPhase.Preparing)
            Membership.Form(turn, $"the checkpoint of step {damaged.Step} is damaged");
    }

    /// <summary>
    /// Its disk may come back, and what lies there would be lost with the entry: the run waits. Who asked for it looks
    /// again whenever the order is repeated.
    /// </summary>
    public static void Unreachable(Turn turn, CheckpointUnreachable missing)
    {
        var awaited = turn.Member(missing.Worker, missing.Generation)?.Awaited;
        var entry = turn.Record.Checkpoints.FirstOrDefault(each => each.Step == missing.Step);
        if (entry is null || awaited is not { Source: ReplicaSource.Checkpoint } || awaited.Step != missing.Step)
            return;
        var isNews = turn.State.MissingCheckpoint != missing.Step;
        turn.State = turn.State with { MissingCheckpoint = missing.Step };
        if (turn.State.Ending is not null)
            Endings.LoseState(turn);
        var holders = string.Join(" or ", entry.Copies.Select(copy => copy.Silo).Prepend(entry.Silo).Distinct());
        var remark = $"it waits for silo {holders}, which holds the checkpoint of step {entry.Step}";
        if (turn.State.Phase == RunPhase.Resting || turn.Record.Remark == remark)
            return;
        turn.Record = turn.Record with { Remark = remark };
        turn.Persist();
        if (!isNews)
            return;
        turn.Warn(
            $"The run cannot go on yet: {remark}; {missing.Reason}. Start that silo; if its disk is lost, start one of "
            + "that name, and the run goes on from the next older checkpoint.");
    }

    /// <summary>A member's disk still works at a checkpoint: others are asked for the next ones.</summary>
    public static void MarkBusy(Turn turn, string worker)
    {
        if (turn.State.Members.Find(member => member.Key == worker) is not { } member)
            return;
        var until = turn.State.Now + RunMachine.BusyDiskPause;
        turn.State = turn.State with
        {
            BusyDisks = turn.State.BusyDisks.SetItem((member.Key, member.Incarnation), until),
        };
    }

    /// <summary>Whoever waits for a disk tries again after a while.</summary>
    public static void TryAgain(Turn turn)
    {
        var over = turn.State.BusyDisks.Where(busy => busy.Value <= turn.State.Now).Select(busy => busy.Key).ToList();
        if (over.Count == 0)
            return;
        turn.State = turn.State with { BusyDisks = turn.State.BusyDisks.RemoveRange(over) };
        GoOn(turn);
    }

    /// <summary>
    /// The first member; after failures the others in turn, as a disk may be full. Null if all their disks are busy.
    /// </summary>
    private static RunMember? Writer(Turn turn)
    {
        var (members, first) = (turn.State.Members, turn.State.FailedCheckpointCount % turn.State.Members.Count);
        var inTurn = members.Skip(first).Concat(members.Take(first));
        return inTurn.FirstOrDefault(member => !IsBusy(turn.State, member));
    }

    /// <summary>Whether its disk still works at a checkpoint that is not waited for any more.</summary>
    public static bool IsBusy(RunState state, RunMember member) =>
        state.BusyDisks.ContainsKey((member.Key, member.Incarnation));

    /// <returns>Whether it was busy.</returns>
    private static bool MarkFree(Turn turn, string worker)
    {
        var busy = turn.State.BusyDisks.Keys.Where(who => who.Key == worker).ToList();
        turn.State = turn.State with { BusyDisks = turn.State.BusyDisks.RemoveRange(busy) };
        return busy.Count > 0;
    }

    private static void GoOn(Turn turn)
    {
        if (turn.State is { Phase: RunPhase.Saving, CheckpointInFlight: null })
            Boundary.Next(turn);
    }

    public static bool HasStep(Turn turn, long step) => turn.Record.Checkpoints.Any(entry => entry.Step == step);

    private static void Publish(Turn turn, CheckpointWritten written)
    {
        var silo = written.Worker[..Math.Max(0, written.Worker.LastIndexOf('/'))];
        var loss = ValidationLoss(turn.Record, written.Step);
        var entry = new CheckpointEntry(
            written.Step, written.StateHash, silo, written.Path, loss, written.DataFolderId);
        Add(turn, entry);
        turn.State = turn.State with { FailedCheckpointCount = 0 };
        turn.Tell(new CheckpointPublished(entry, written.Duration));
    }

    private static void Add(Turn turn, CheckpointEntry entry) =>
        KeepUnexpired(turn, [.. turn.Record.Checkpoints.Append(entry).OrderBy(each => each.Step)]);

    /// <summary>Stores the catalogue without what expires, which is deleted only then.</summary>
    /// <param name="turn">The decision.</param>
    /// <param name="all">The catalogue, oldest first.</param>
    public static void KeepUnexpired(Turn turn, IReadOnlyList<CheckpointEntry> all)
    {
        var best = turn.Record.BestValidation?.Step;
        var held = turn.Record.Holds.Select(hold => hold.Step);
        var expired = Retention.Expired(all.Select(each => each.Step), turn.Specification.Keep, best, held);
        turn.Record = turn.Record with { Checkpoints = [.. all.Where(each => !expired.Contains(each.Step))] };
        turn.Persist();
        if (expired.Count > 0)
            turn.Send(Holding.DeleteAllOthers(turn.Record));
    }

    private static bool IsDue(Turn turn)
    {
        var (step, every) = (turn.State.Step, turn.Specification.SaveEvery);
        if (step == 0)
            return false;
        var isTime = every > 0 && step % every == 0;
        return isTime || turn.State.CheckpointIsDue || turn.Record.BestValidation?.Step == step;
    }

    private static double? ValidationLoss(RunRecord record, long step)
    {
        ValidationPoint?[] known = [record.LastValidation, record.BestValidation];
        return known.FirstOrDefault(point => point?.Step == step)?.Loss;
    }

    private static bool IsAbout(WriteCheckpoint command, string worker, long step) =>
        command.Worker == worker && command.Step == step;
}
