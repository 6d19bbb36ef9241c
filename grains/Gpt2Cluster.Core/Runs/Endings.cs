namespace Gpt2Cluster.Core.Runs;

/// <summary>The end of a run, or its pause: one last checkpoint, then rest.</summary>
internal static class Endings
{
    /// <summary>Writes the last checkpoint if it is missing, and finishes once it is there.</summary>
    public static void SaveThenFinish(Turn turn)
    {
        turn.State = turn.State with { Phase = RunPhase.Saving };
        if (turn.State.CheckpointInFlight is not null)
            return;
        var step = turn.State.Step;
        if (step == 0 || Saving.HasStep(turn, step))
        {
            Finish(turn);
            return;
        }

        var attempt = turn.State.FailedCheckpointCount;
        if (attempt < RunMachine.MaxCheckpointAttempts)
        {
            Saving.Begin(turn, turn.State.Members[attempt % turn.State.Members.Count]);
            return;
        }

        turn.Warn($"The state after step {step} could not be saved; what follows the newest checkpoint is lost.");
        Finish(turn);
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
        var step = members.IsEmpty ? turn.Record.NewestCheckpoint?.Step ?? 0 : turn.State.Step;
        turn.Record = turn.Record with { Status = status, Remark = reason };
        turn.Persist();
        if (!members.IsEmpty)
            turn.Send(new ReleaseWorkers([.. members.Select(member => member.Key)], turn.Generation));
        var entry = turn.Record.Checkpoints.FirstOrDefault(checkpoint => checkpoint.Step == step);
        turn.Send(new Finish(status, step, entry?.StateHash, reason));
        turn.State = new RunState(turn.Record)
        {
            Phase = RunPhase.Resting,
            Step = step,
            Offered = turn.State.Offered,
            Now = turn.State.Now,
            MovedAt = turn.State.Now,
        };
    }
}
