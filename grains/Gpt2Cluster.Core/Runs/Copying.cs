namespace Gpt2Cluster.Core.Runs;

/// <summary>
/// Each checkpoint lies on two disks when there are two, so that no single machine takes it along: what one silo has
/// written another one copies. Training goes on meanwhile.
/// </summary>
internal static class Copying
{
    private const int WantedCount = 2;

    /// <summary>Orders the next copy that is missing, the newest checkpoint's first; one at a time.</summary>
    public static void Next(Turn turn)
    {
        if (turn.State.CopyInFlight is not null || turn.State.Now < turn.State.CopyNotBefore)
            return;
        var missing = turn.Record.Checkpoints.Reverse().Select(entry => Missing(turn, entry));
        if (missing.FirstOrDefault(copy => copy is not null) is not { } next)
            return;
        turn.State = turn.State with { CopyInFlight = next, CopySentAt = turn.State.Now };
        turn.Send(next);
    }

    public static void Copied(Turn turn, CheckpointCopied copied)
    {
        var isAwaited = Clear(turn, copied.Silo, copied.Step);
        if (turn.Record.Checkpoints.FirstOrDefault(each => each.Step == copied.Step) is not { } entry)
        {
            // It expired while it was copied.
            if (turn.Record.Checkpoints.Count > 0)
                turn.Send(Holding.DeleteAllOthers(turn.Record));
        }
        else if (!entry.Copies.Any(holder => holder.Silo == copied.Silo && holder.DataFolderId == copied.DataFolderId))
        {
            var holder = new CheckpointHolder(copied.Silo, copied.DataFolderId);
            var changed = entry with { Copies = [.. entry.Copies.Where(each => each.Silo != copied.Silo), holder] };
            turn.Record = turn.Record with
            {
                Checkpoints = [.. turn.Record.Checkpoints.Select(each => each.Step == entry.Step ? changed : each)],
            };
            turn.Persist();
        }

        turn.State = turn.State with { FailedCopyCount = 0 };
        GoOn(turn, isAwaited);
    }

    public static void Failed(Turn turn, CheckpointNotCopied failed)
    {
        if (!Clear(turn, failed.Silo, failed.Step))
            return;
        if (Saving.HasStep(turn, failed.Step))
        {
            var count = turn.State.FailedCopyCount + 1;
            turn.State = turn.State with
            {
                FailedCopyCount = count,
                CopyNotBefore = turn.State.Now + RunMachine.CopyAgainAfter,
            };
            if (count == 1)
            {
                turn.Warn($"The checkpoint of step {failed.Step} could not be copied to silo {failed.Silo} and lies on "
                    + $"one disk only: {failed.Reason}. It is tried again.");
            }
        }

        GoOn(turn, isAwaited: true);
    }

    /// <summary>
    /// Whether what ends the run, or lets its last worker go, is to wait until the newest checkpoint lies on a second
    /// disk.
    /// </summary>
    public static bool IsWaitedFor(Turn turn) => turn.State.CopyInFlight is not null && !IsOverdue(turn)
        && turn.Record.NewestCheckpoint is { } newest && StayingCount(turn, newest) < WantedCount;

    /// <summary>
    /// Nobody orders copies once the run rests: that of the newest checkpoint is ordered before, if another one was
    /// under way until now, and goes on behind the end.
    /// </summary>
    public static void OrderLast(Turn turn)
    {
        var newest = turn.Record.NewestCheckpoint;
        if (newest is not null && turn.State.CopyInFlight?.Step != newest.Step && Missing(turn, newest) is { } copy)
            turn.Send(copy);
    }

    /// <summary>Whoever waits for a copy does not wait for ever.</summary>
    public static void StopWaiting(Turn turn)
    {
        var waits = turn.State is { Phase: RunPhase.Saving, CheckpointInFlight: null, CopyInFlight: not null };
        if (waits && IsOverdue(turn))
            Boundary.Next(turn);
    }

    private static void GoOn(Turn turn, bool isAwaited)
    {
        if (turn.State.Phase == RunPhase.Resting)
            return;
        Next(turn);
        if (isAwaited && turn.State is { Phase: RunPhase.Saving, CheckpointInFlight: null })
            Boundary.Next(turn);
    }

    private static bool Clear(Turn turn, string silo, long step)
    {
        if (turn.State.CopyInFlight is not { } copy || copy.Silo != silo || copy.Step != step)
            return false;
        turn.State = turn.State with { CopyInFlight = null };
        return true;
    }

    private static bool IsOverdue(Turn turn) =>
        turn.State.Now - turn.State.CopySentAt >= RunMachine.LastCopyPatience;

    /// <summary>
    /// The copy that an entry lacks; null for none, or if nobody can make it. Disks that are away for a while count for
    /// all but the newest checkpoint, from which a run would go on.
    /// </summary>
    private static CopyCheckpoint? Missing(Turn turn, CheckpointEntry entry)
    {
        var isNewest = entry.Step == turn.Record.NewestCheckpoint?.Step;
        var count = isNewest ? StayingCount(turn, entry) : 1 + entry.Copies.Count;
        var sources = turn.State.Disks.Where(entry.IsOn).OrderBy(disk => disk.Silo == entry.Silo ? 0 : 1).ToList();
        if (count >= WantedCount || sources.Count == 0)
            return null;
        var targets = turn.State.Disks
            .Where(disk => !disk.IsLeaving && !entry.IsOn(disk))
            .Where(disk => sources.TrueForAll(source => source.DataFolderId != disk.DataFolderId))
            .OrderBy(disk => turn.State.Members.Exists(member => member.Silo == disk.Silo) ? 0 : 1)
            .DistinctBy(disk => disk.DataFolderId)
            .ToList();
        if (targets.Count == 0)
            return null;
        var target = targets[turn.State.FailedCopyCount % targets.Count];
        return new CopyCheckpoint(target.Silo, sources[0].Silo, entry.Step, target.DataFolderId);
    }

    /// <summary>Disks that hold it and whose silos are there to stay.</summary>
    private static int StayingCount(Turn turn, CheckpointEntry entry) => turn.State.Disks
        .Where(disk => !disk.IsLeaving && entry.IsOn(disk)).DistinctBy(disk => disk.DataFolderId).Count();
}
