namespace Gpt2Cluster.Core.Runs.Activities;

/// <summary>
/// Checkpoints that other runs stand on. Adapters, or whichever part of a model a run trains, are worth nothing without
/// the weights beside them, and those lie in this run's checkpoint only: it stays until they are given up.
/// </summary>
internal static class CheckpointHolds
{
    /// <summary>
    /// Stores that another run stands on a checkpoint, before that run is taken. What the catalogue has forgotten is
    /// being deleted and cannot be held.
    /// </summary>
    public static void Hold(Transition transition, HoldRequested request)
    {
        if (Catalogue.EntryOf(transition.Record, request.Step)?.StateHash == request.StateHash)
            Catalogue.AddHolds(transition, [new CheckpointHold(request.Step, request.Run)]);
    }

    /// <summary>
    /// The other run is gone, or was never taken. What only it stood on expires as if nobody ever had.
    /// </summary>
    public static void Release(Transition transition, HoldReleased released)
    {
        var (record, hold) = (transition.Record, new CheckpointHold(released.Step, released.Run));
        if (!record.Holds.Contains(hold))
            return;
        transition.Record = record with { Holds = [.. record.Holds.Where(other => other != hold)] };
        Catalogue.KeepUnexpired(transition, record.Checkpoints);
    }
}
