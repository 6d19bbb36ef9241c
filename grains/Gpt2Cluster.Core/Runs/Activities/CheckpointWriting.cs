using Gpt2Cluster.Core.Runs.State;

namespace Gpt2Cluster.Core.Runs.Activities;

/// <summary>How the checkpoint stands that has to be there before replicas go.</summary>
internal enum LastCheckpoint
{
    /// <summary>It is being written, or has to wait for another one or for a disk.</summary>
    IsAwaited,

    /// <summary>The catalogue names it.</summary>
    IsWritten,

    /// <summary>It failed too often.</summary>
    IsGivenUp,
}

/// <summary>Checkpoints: written in the background, one at a time, while steps go on.</summary>
internal static class CheckpointWriting
{
    // A run that ends gives up writing its last checkpoint after this many failures.
    private const int MaxAttempts = 3;

    // A member whose disk still works at a checkpoint that is not waited for any more is not asked for another one for
    // this long, or until that one is written.
    private static readonly TimeSpan BusyDiskPause = TimeSpan.FromSeconds(30);

    /// <summary>
    /// Whether the step at hand is to be saved, and that is neither begun nor remembered for when another checkpoint is
    /// written.
    /// </summary>
    public static bool IsToBegin(RunState state)
    {
        var (step, checkpointing, specification) = (state.Step, state.Checkpointing, state.Record.Specification);
        if (step == 0 || Catalogue.HasStep(state.Record, step) || checkpointing.Writing?.Command.Step == step)
            return false;
        var isTime = specification.SaveEvery > 0 && step % specification.SaveEvery == 0;
        return checkpointing.IsDue ? Writer(state) is not null : isTime || state.Record.BestValidation?.Step == step;
    }

    /// <summary>Begins a checkpoint of the step at hand, or remembers it while another is being written.</summary>
    public static void BeginOrRemember(Transition transition)
    {
        if (Writer(transition.State) is { } writer)
            Begin(transition, writer);
        else
            transition.Checkpointing = transition.Checkpointing with { IsDue = true };
    }

    /// <summary>
    /// Whether the step at hand, the best by validation, has to wait until the checkpoint in flight is written: the
    /// next step would change the replicas before it could be written itself.
    /// </summary>
    public static bool HoldsTheBest(RunState state) =>
        state.Checkpointing.Writing is { } writing && writing.Command.Step != state.Step
        && state.Record.BestValidation?.Step == state.Step && !Catalogue.HasStep(state.Record, state.Step);

    /// <summary>How the checkpoint of the state at hand stands.</summary>
    /// <param name="state">What is known.</param>
    /// <param name="failedCount">Attempts that failed.</param>
    public static LastCheckpoint Last(RunState state, int failedCount)
    {
        if (state.Checkpointing.Writing is not null)
            return LastCheckpoint.IsAwaited;
        // A silo that was given up may have written one of a later step since: the run goes on from there.
        if (Catalogue.HasStep(state.Record, state.Step) || state.Record.NewestCheckpoint?.Step > state.Step)
            return LastCheckpoint.IsWritten;
        return failedCount >= MaxAttempts ? LastCheckpoint.IsGivenUp : LastCheckpoint.IsAwaited;
    }

    /// <summary>
    /// Waits for the checkpoint of the state at hand, and has it written if it is neither there nor under way.
    /// </summary>
    public static void SaveLast(Transition transition, int failedCount)
    {
        transition.BecomeSaving(failedCount);
        if (Last(transition.State, failedCount) == LastCheckpoint.IsAwaited && Writer(transition.State) is { } writer)
            Begin(transition, writer);
    }

    public static void Written(Transition transition, CheckpointWritten written)
    {
        var wasAwaited = IsInFlight(transition, written.Worker, written.Step);
        if (wasAwaited)
            transition.Checkpointing = transition.Checkpointing with { Writing = null };
        var wasBusy = MarkFree(transition, written.Worker);
        // One that a coordinator before this one ordered is as good, and so is one that ends while the run rests. But
        // what is older than the newest and was not in the catalogue has expired when that one came.
        var isNews = !(written.Step <= transition.Record.NewestCheckpoint?.Step);
        if (isNews)
        {
            Publish(transition, written);
            CheckpointCopies.OrderNext(transition);
        }

        if ((isNews || wasAwaited || wasBusy) && transition.State.Phase is RunPhase.Saving)
            transition.BecomeDeciding();
    }

    public static void Failed(Transition transition, CheckpointFailed failed)
    {
        var wasBusy = !failed.IsBusy && MarkFree(transition, failed.Worker);
        if (!IsInFlight(transition, failed.Worker, failed.Step))
        {
            if (wasBusy)
                LookAgain(transition);
        }
        else if (failed.IsBusy)
        {
            transition.Checkpointing = transition.Checkpointing with { Writing = null, IsDue = true };
            MarkBusy(transition, failed.Worker);
            LookAgain(transition);
        }
        else
        {
            GiveUp(transition, failed);
        }
    }

    /// <summary>The checkpoint in flight is not waited for any more.</summary>
    public static void GiveUp(Transition transition, CheckpointFailed failed)
    {
        transition.Warn(
            $"The checkpoint of step {failed.Step} could not be written by {failed.Worker}: {failed.Reason}");
        var count = transition.Checkpointing.FailedWriteCount + 1;
        transition.Checkpointing = transition.Checkpointing with { Writing = null, FailedWriteCount = count };
        // Each disk is tried at once; if none takes it, the next one waits until it is due.
        if (transition.State.Phase is RunPhase.Saving)
            transition.BecomeDeciding(hasFailed: failed.Step == transition.State.Step);
        else
            transition.Checkpointing = transition.Checkpointing with { IsDue = count < transition.State.Members.Count };
    }

    /// <summary>A member's disk still works at a checkpoint: others are asked for the next ones.</summary>
    public static void MarkBusy(Transition transition, string worker)
    {
        var until = transition.State.Now + BusyDiskPause;
        if (transition.State.Members.Find(member => member.Key == worker) is { } member)
            transition.Exclude(Exclusion.Of(member, ExclusionReason.DiskBusy, until));
    }

    /// <summary>Whoever waits for a disk looks whether there is one now.</summary>
    public static void LookAgain(Transition transition)
    {
        if (transition.State is { Phase: RunPhase.Saving, Checkpointing.Writing: null })
            transition.BecomeDeciding();
    }

    /// <summary>
    /// The first member; after failures the others in turn, as a disk may be full. Null while a checkpoint is being
    /// written, or if all their disks are busy.
    /// </summary>
    private static RunMember? Writer(RunState state)
    {
        if (state.Checkpointing.Writing is not null)
            return null;
        var (members, first) = (state.Members, state.Checkpointing.FailedWriteCount % state.Members.Count);
        return members.Skip(first).Concat(members.Take(first))
            .FirstOrDefault(member => !state.Exclusions.IsDiskBusy(member));
    }

    private static void Begin(Transition transition, RunMember writer)
    {
        var (record, step, now) = (transition.Record, transition.State.Step, transition.State.Now);
        var command = new WriteCheckpoint(
            writer.Key,
            transition.Generation,
            step,
            Catalogue.ValidationLoss(record, step),
            IsBest: record.BestValidation?.Step == step);
        transition.Checkpointing = transition.Checkpointing with
        {
            Writing = new WriteInFlight(command, BegunAt: now, SentAt: now),
            IsDue = false,
        };
        transition.Send(command);
    }

    /// <returns>Whether it was busy.</returns>
    private static bool MarkFree(Transition transition, string worker) => !transition.Readmit(
        each => each.Reason == ExclusionReason.DiskBusy && each.Subject == worker).IsEmpty;

    private static void Publish(Transition transition, CheckpointWritten written)
    {
        var silo = written.Worker[..Math.Max(0, written.Worker.LastIndexOf('/'))];
        var loss = Catalogue.ValidationLoss(transition.Record, written.Step);
        var entry = new CheckpointEntry(
            written.Step, written.StateHash, silo, written.Path, loss, written.DataFolderId);
        Catalogue.KeepUnexpired(
            transition, [.. transition.Record.Checkpoints.Append(entry).OrderBy(each => each.Step)]);
        transition.Checkpointing = transition.Checkpointing with { FailedWriteCount = 0 };
        transition.Publish(new CheckpointPublished(entry, written.Duration));
    }

    private static bool IsInFlight(Transition transition, string worker, long step) =>
        transition.Checkpointing.Writing?.Command is { } command && command.Worker == worker && command.Step == step;
}
