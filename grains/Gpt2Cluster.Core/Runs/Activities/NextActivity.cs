using Gpt2Cluster.Core.Runs.State;

namespace Gpt2Cluster.Core.Runs.Activities;

/// <summary>What a run does at a boundary.</summary>
internal enum Activity
{
    /// <summary>Members that leave go; the others, and who joins, go on.</summary>
    LetGo,

    /// <summary>All members leave: newcomers copy their replica.</summary>
    HandOver,

    /// <summary>Validation.</summary>
    Validate,

    /// <summary>Samples.</summary>
    Sample,

    /// <summary>The next step waits until a checkpoint that is being written makes room for the one of this.</summary>
    AwaitCheckpoint,

    /// <summary>The state at hand is saved, or copied to a second disk, before it goes.</summary>
    SaveLast,

    /// <summary>The run rests.</summary>
    End,

    /// <summary>A checkpoint is begun, or remembered, and the next activity follows at once.</summary>
    BeginCheckpoint,

    /// <summary>Newcomers join.</summary>
    Admit,

    /// <summary>The next step.</summary>
    Step,
}

/// <summary>
/// What comes between two steps, in this order: whoever leaves goes; validation, samples, a checkpoint, the end,
/// newcomers, the next step.
/// </summary>
internal static class NextActivity
{
    /// <summary>Chooses.</summary>
    /// <param name="state">What is known.</param>
    /// <param name="failedSaveCount">Attempts to write the last checkpoint that failed.</param>
    public static Activity Of(RunState state, int failedSaveCount)
    {
        if (ForThoseWhoLeave(state, failedSaveCount) is { } forThem)
            return forThem;
        var isOrderly = state.Ending?.Status != RunStatus.Failed;
        if (isOrderly && Validation.IsDue(state.Record, state.Step))
            return Activity.Validate;
        if (isOrderly && Sampling.IsDue(state.Record, state.Step))
            return Activity.Sample;
        if (CheckpointWriting.HoldsTheBest(state))
            return Activity.AwaitCheckpoint;
        // The end saves for itself, a few times at most: one that is also due would be tried again for ever.
        if (state.Ending is not null)
            return IsSaved(state, failedSaveCount) ? Activity.End : Activity.SaveLast;
        if (CheckpointWriting.IsToBegin(state))
            return Activity.BeginCheckpoint;
        return Candidates.Newcomers(state).IsEmpty ? Activity.Step : Activity.Admit;
    }

    /// <summary>
    /// The last ones do not simply go: a newcomer copies their replica, or a checkpoint keeps it until somebody comes.
    /// </summary>
    private static Activity? ForThoseWhoLeave(RunState state, int failedSaveCount)
    {
        var leaving = state.Members.FindAll(state.IsLeaving);
        if (leaving.IsEmpty || Draining.IsInTheMiddle(state, leaving))
            return null;
        if (leaving.Count < state.Members.Count)
            return Activity.LetGo;
        if (state.Ending is null && !Candidates.Newcomers(state).IsEmpty)
            return Activity.HandOver;
        // Before the first step there is nothing to keep.
        var last = CheckpointWriting.Last(state, failedSaveCount);
        var isKept = last == LastCheckpoint.IsGivenUp
            || (last == LastCheckpoint.IsWritten && !CheckpointCopies.IsWaitedFor(state));
        if (state.Step > 0 && !isKept)
            return Activity.SaveLast;
        return state.Ending is null ? Activity.LetGo : null;
    }

    // What a run has come to is not to go with one machine.
    private static bool IsSaved(RunState state, int failedSaveCount) =>
        Completion.HasNothingToSave(state) || CheckpointWriting.Last(state, failedSaveCount) switch
        {
            LastCheckpoint.IsWritten => !(CheckpointCopies.IsWaitedFor(state) && Completion.IsDone(state)),
            var last => last == LastCheckpoint.IsGivenUp,
        };
}
