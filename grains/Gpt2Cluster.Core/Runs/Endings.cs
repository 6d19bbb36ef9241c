namespace Gpt2Cluster.Core.Runs;

/// <summary>The end of a run, or its pause: one last checkpoint, then rest.</summary>
internal static class Endings
{
    /// <summary>Writes the last checkpoint if it is missing, and finishes once it is there.</summary>
    public static void SaveThenFinish(Turn turn)
    {
        // A pause is kept by a checkpoint, wherever it is; the other ends have nothing to keep before the first step.
        var isNothing = turn.State.Step == 0 && turn.State.Ending!.Status != RunStatus.Paused;
        if (isNothing && turn.State.CheckpointInFlight is null)
        {
            Finish(turn);
            return;
        }

        switch (Saving.SaveLast(turn))
        {
            case LastCheckpoint.IsWritten when Copying.IsWaitedFor(turn)
                && turn.State.Ending!.Status is RunStatus.Completed or RunStatus.EarlyStopped:
                // What a run has come to is not to go with one machine.
                break;
            case LastCheckpoint.IsWritten:
                Finish(turn);
                break;
            case LastCheckpoint.IsGivenUp when turn.State.Ending!.Status
                is RunStatus.Completed or RunStatus.EarlyStopped:
                // A run that is over cannot be taken up again, and this one has nothing to show for its last steps.
                turn.Fail($"{Loss(turn)}. Make room on the disks of the silos and give the same command: "
                    + "the run goes on there.");
                break;
            case LastCheckpoint.IsGivenUp:
                turn.Warn($"{Loss(turn)}.");
                Finish(turn);
                break;
            default: break;
        }
    }

    /// <summary>What is to be said of a last checkpoint that was given up, without a full stop.</summary>
    public static string Loss(Turn turn) => $"The state after step {turn.State.Step} could not be saved; "
        + "what follows the newest checkpoint is lost";

    /// <summary>
    /// Ends the run because of a member's trouble. What the members hold and no checkpoint does is saved first, under a
    /// new generation: in the old one they may wait for each other. A second trouble on that way ends it at once.
    /// </summary>
    public static void FailAfterSaving(Turn turn, string troubled, string reason)
    {
        var saved = turn.Record.NewestCheckpoint?.Step ?? 0;
        var isUnsaved = Math.Max(turn.State.Step, turn.Record.CommittedStep) > saved;
        if (turn.State.Ending?.Status == RunStatus.Failed || !isUnsaved)
        {
            turn.Fail(turn.State.Ending is { Status: RunStatus.Failed, Reason: { } first } ? first : reason);
            return;
        }

        turn.State = turn.State with { Ending = new Ending(RunStatus.Failed, reason) };
        Membership.FormToSave(turn, troubled);
    }

    /// <summary>
    /// All replicas died before the last checkpoint was written: a run that was asked to rest does so where the newest
    /// checkpoint is; one that was done has to compute again what was lost.
    /// </summary>
    public static void LoseState(Turn turn)
    {
        if (turn.State.Ending!.Status is RunStatus.Completed or RunStatus.EarlyStopped)
            turn.State = turn.State with { Ending = null };
        else
            Finish(turn);
    }

    /// <summary>Rests: the record says how, the workers are free.</summary>
    public static void Finish(Turn turn)
    {
        var (status, reason) = (turn.State.Ending!.Status, turn.State.Ending.Reason);
        var members = turn.State.Members;
        var newest = turn.Record.NewestCheckpoint?.Step ?? 0;
        var step = members.IsEmpty ? newest : Math.Max(newest, turn.State.Step);
        turn.Record = turn.Record with { Status = status, Remark = reason, Asked = null };
        turn.Persist();
        if (!members.IsEmpty)
            turn.Send(new ReleaseWorkers([.. members.Select(member => member.Key)], turn.Generation));
        Copying.OrderLast(turn);
        var entry = turn.Record.Checkpoints.FirstOrDefault(checkpoint => checkpoint.Step == step);
        turn.Send(new Finish(status, step, entry?.StateHash, reason));
        turn.State = new RunState(turn.Record)
        {
            Phase = RunPhase.Resting,
            HasAsked = true,
            Step = step,
            Offered = turn.State.Offered,
            Now = turn.State.Now,
            MovedAt = turn.State.Now,
            ProgressAt = turn.State.Now,
        };
    }
}
