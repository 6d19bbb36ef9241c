namespace Gpt2Cluster.Core.Runs;

/// <summary>
/// Checkpoints that other runs stand on. Adapters, or whichever part of a model a run trains, are worth nothing without
/// the weights beside them, and those lie in this run's checkpoint only: it stays until they are given up.
/// </summary>
internal static class Holding
{
    /// <summary>
    /// Stores that another run stands on a checkpoint, before that run is taken. What the catalogue has forgotten is
    /// being deleted and cannot be held.
    /// </summary>
    public static void Hold(Turn turn, HoldRequested request)
    {
        var hold = new CheckpointHold(request.Step, request.Run);
        var isThere = turn.Record.Checkpoints
            .Any(entry => entry.Step == request.Step && entry.StateHash == request.StateHash);
        if (isThere)
            Add(turn, [hold]);
    }

    /// <summary>
    /// The other run is gone, or was never taken. What only it stood on expires as if nobody ever had.
    /// </summary>
    public static void Release(Turn turn, HoldReleased released)
    {
        var hold = new CheckpointHold(released.Step, released.Run);
        if (!turn.Record.Holds.Contains(hold))
            return;
        turn.Record = turn.Record with { Holds = [.. turn.Record.Holds.Where(other => other != hold)] };
        Saving.KeepUnexpired(turn, turn.Record.Checkpoints);
    }

    /// <summary>Takes holds into the record, and stores it if there are new ones among them.</summary>
    public static void Add(Turn turn, IEnumerable<CheckpointHold> holds)
    {
        var news = holds.Except(turn.Record.Holds).ToList();
        if (news.Count == 0)
            return;
        turn.Record = turn.Record with
        {
            Holds =
            [
                .. turn.Record.Holds.Concat(news)
                    .OrderBy(hold => hold.Step)
                    .ThenBy(hold => hold.Run, StringComparer.Ordinal),
            ],
        };
        turn.Persist();
    }

    /// <summary>
    /// The order that leaves what the catalogue names, and what is held: its only copy may lie on the disk of a silo
    /// that was away when the catalogue was made anew. Held steps beyond the newest entry are left out, or what is
    /// being written between the two would be taken for expired.
    /// </summary>
    public static DeleteCheckpoints DeleteAllOthers(RunRecord record)
    {
        var held = record.Holds.Select(hold => hold.Step).Where(step => step < record.NewestCheckpoint?.Step);
        return new DeleteCheckpoints([.. record.Checkpoints.Select(entry => entry.Step).Union(held).Order()]);
    }
}
