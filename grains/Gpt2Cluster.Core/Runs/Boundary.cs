namespace Gpt2Cluster.Core.Runs;

/// <summary>
/// What comes between two steps, in this order: whoever leaves goes; validation, samples, a checkpoint, the end,
/// newcomers, the next step.
/// </summary>
internal static class Boundary
{
    public static void Next(Turn turn)
    {
        DecideEnding(turn);
        if (Leaving.Begin(turn))
            return;
        var (state, record) = (turn.State, turn.Record);
        var isOrderly = state.Ending?.Status != RunStatus.Failed;
        if (isOrderly && Validation.IsDue(record, state.Step))
            Validation.Begin(turn);
        else if (isOrderly && Sampling.IsDue(record, state.Step))
            Sampling.Begin(turn);
        else
            SaveAndGoOn(turn);
    }

    private static void SaveAndGoOn(Turn turn)
    {
        if (Saving.HoldsTheBest(turn))
        {
            turn.State = turn.State with { Phase = RunPhase.Saving, FailedLastCheckpointCount = 0 };
            return;
        }

        // The end saves for itself, a few times at most: one that is also due would be tried again for ever.
        if (turn.State.Ending is not null)
        {
            Endings.SaveThenFinish(turn);
            return;
        }

        Saving.WhenDue(turn);
        if (!Membership.Admit(turn))
            Stepping.Plan(turn);
    }

    private static void DecideEnding(Turn turn)
    {
        if (turn.State.Ending is { Status: RunStatus.Failed or RunStatus.Cancelled })
            return;
        // What was reached once may have been lost with its replicas.
        if (turn.State.Ending is { Status: RunStatus.Completed or RunStatus.EarlyStopped })
            turn.State = turn.State with { Ending = null };
        var step = turn.State.Step;
        if (step >= turn.Specification.Steps)
            turn.State = turn.State with { Ending = new Ending(RunStatus.Completed, null) };
        else if (Validation.IsExhausted(turn.Record, step))
            turn.State = turn.State with { Ending = new Ending(RunStatus.EarlyStopped, null) };
        else if (turn.State.Ending is null && step >= turn.Record.PauseAt)
            turn.State = turn.State with { Ending = new Ending(RunStatus.Paused, null) };
    }
}
