using Gpt2Cluster.Core.Runs.State;

namespace Gpt2Cluster.Core.Runs.Activities;

/// <summary>The end of a run, or its pause.</summary>
internal static class Completion
{
    /// <summary>What the run is to end with, as it stands at a boundary; null if it goes on.</summary>
    public static Ending? Due(RunState state)
    {
        if (state.Ending is { Status: RunStatus.Failed or RunStatus.Cancelled })
            return state.Ending;
        var (record, step) = (state.Record, state.Step);
        if (step >= record.Specification.Steps)
            return new Ending(RunStatus.Completed, null);
        if (IsExhausted(record, step))
            return new Ending(RunStatus.EarlyStopped, null);
        // What was reached once may have been lost with its replicas.
        var asked = IsDone(state) ? null : state.Ending;
        return asked ?? (step >= record.PauseAt ? new Ending(RunStatus.Paused, null) : null);
    }

    /// <summary>Whether the run is over and cannot be taken up again: what it has come to must be kept.</summary>
    public static bool IsDone(RunState state) =>
        state.Ending?.Status is RunStatus.Completed or RunStatus.EarlyStopped;

    /// <summary>
    /// Whether there is nothing to keep: a pause is kept by a checkpoint, wherever it is; the other ends have nothing
    /// before the first step.
    /// </summary>
    public static bool HasNothingToSave(RunState state) =>
        state is { Step: 0, Ending.Status: not RunStatus.Paused, Checkpointing.Writing: null };

    /// <summary>Ends the run, whose last checkpoint is written or given up.</summary>
    public static void End(Transition transition, int failedSaveCount)
    {
        var state = transition.State;
        var isGivenUp = !HasNothingToSave(state)
            && CheckpointWriting.Last(state, failedSaveCount) == LastCheckpoint.IsGivenUp;
        if (isGivenUp && IsDone(state))
        {
            // It has nothing to show for its last steps.
            Fail(transition, $"{Loss(state)}. Make room on the disks of the silos and give the same command: "
                + "the run goes on there.");
            return;
        }

        if (isGivenUp)
            transition.Warn($"{Loss(state)}.");
        Finish(transition);
    }

    /// <summary>What is to be said of a last checkpoint that was given up, without a full stop.</summary>
    public static string Loss(RunState state) => $"The state after step {state.Step} could not be saved; "
        + "what follows the newest checkpoint is lost";

    /// <summary>Ends the run at once, for a reason that makes its replicas worthless or unreachable.</summary>
    public static void Fail(Transition transition, string reason) =>
        Finish(transition, new Ending(RunStatus.Failed, reason));

    /// <summary>
    /// All replicas died before the last checkpoint was written: a run that was asked to rest does so where the newest
    /// checkpoint is; one that was done has to compute again what was lost.
    /// </summary>
    public static void LoseState(Transition transition)
    {
        if (IsDone(transition.State))
            transition.State = transition.State with { Ending = null };
        else
            Finish(transition);
    }

    /// <summary>Rests: the record says how, the workers are free.</summary>
    public static void Finish(Transition transition) => Finish(transition, transition.State.Ending!);

    private static void Finish(Transition transition, Ending ending)
    {
        var (members, newest) = (transition.State.Members, transition.Record.NewestCheckpoint?.Step ?? 0);
        var step = members.IsEmpty ? newest : Math.Max(newest, transition.State.Step);
        transition.Record = transition.Record with { Status = ending.Status, Remark = ending.Reason, Asked = null };
        transition.Persist();
        if (!members.IsEmpty)
            transition.Send(new ReleaseWorkers([.. members.Select(member => member.Key)], transition.Generation));
        CheckpointCopies.OrderLast(transition);
        var hash = Catalogue.EntryOf(transition.Record, step)?.StateHash;
        transition.Send(new Finish(ending.Status, step, hash, ending.Reason));
        transition.BecomeResting(step);
    }

    /// <summary>Whether the newest validation, at this step or before, was one too many without a new best.</summary>
    private static bool IsExhausted(RunRecord record, long step)
    {
        var patience = record.Specification.EarlyStop;
        return patience > 0 && record.ValidationsSinceBest >= patience && step >= record.LastValidation?.Step;
    }
}
