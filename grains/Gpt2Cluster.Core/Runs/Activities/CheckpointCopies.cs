using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Runs.State;

namespace Gpt2Cluster.Core.Runs.Activities;

/// <summary>
/// Each checkpoint lies on two disks when there are two, so that no single machine takes it along: what one silo has
/// written another one copies. Training goes on meanwhile.
/// </summary>
internal static class CheckpointCopies
{
    private const int WantedCount = 2;

    // A checkpoint that could not be copied is tried again after this long.
    private static readonly TimeSpan RetryPause = TimeSpan.FromSeconds(30);

    /// <summary>Orders the next copy that is missing, the newest checkpoint's first; one at a time.</summary>
    public static void OrderNext(Transition transition)
    {
        var (state, checkpointing) = (transition.State, transition.Checkpointing);
        if (state.IsResting || checkpointing.Copying is not null || state.Now < checkpointing.CopyNotBefore)
            return;
        var missing = state.Record.Checkpoints.Reverse().Select(entry => Missing(state, entry));
        if (missing.FirstOrDefault(copy => copy is not null) is not { } next)
            return;
        transition.Checkpointing = checkpointing with { Copying = new CopyInFlight(next, state.Now) };
        transition.Send(next);
    }

    public static void Copied(Transition transition, CheckpointCopied copied)
    {
        var wasAwaited = Clear(transition, copied.Silo, copied.Step);
        if (Catalogue.EntryOf(transition.Record, copied.Step) is not { } entry)
        {
            // It expired while it was copied.
            if (transition.Record.Checkpoints.Count > 0)
                transition.Send(Catalogue.DeleteAllOthers(transition.Record));
        }
        else if (!entry.Copies.Any(holder => holder.Silo == copied.Silo && holder.DataFolderId == copied.DataFolderId))
        {
            Add(transition, entry, new CheckpointHolder(copied.Silo, copied.DataFolderId));
        }

        transition.Checkpointing = transition.Checkpointing with { FailedCopyCount = 0 };
        GoOn(transition, wasAwaited);
    }

    public static void Failed(Transition transition, CheckpointNotCopied failed)
    {
        if (!Clear(transition, failed.Silo, failed.Step))
            return;
        if (Catalogue.HasStep(transition.Record, failed.Step))
        {
            var count = transition.Checkpointing.FailedCopyCount + 1;
            transition.Checkpointing = transition.Checkpointing with
            {
                FailedCopyCount = count,
                CopyNotBefore = transition.State.Now + RetryPause,
            };
            if (count == 1)
            {
                transition.Warn($"The checkpoint of step {failed.Step} could not be copied to silo {failed.Silo} and "
                    + $"lies on one disk only: {failed.Reason}. It is tried again.");
            }
        }

        GoOn(transition, wasAwaited: true);
    }

    /// <summary>
    /// Whether what ends the run, or lets its last worker go, is to wait until the newest checkpoint lies on a second
    /// disk.
    /// </summary>
    public static bool IsWaitedFor(RunState state) => state.Checkpointing.Copying is { } copy && !IsOverdue(state, copy)
        && state.Record.NewestCheckpoint is { } newest && StayingCount(state, newest) < WantedCount;

    /// <summary>
    /// Nobody orders copies once the run rests: that of the newest checkpoint is ordered before, if another one was
    /// under way until now, and goes on behind the end.
    /// </summary>
    public static void OrderLast(Transition transition)
    {
        var newest = transition.Record.NewestCheckpoint;
        if (newest is not null && transition.Checkpointing.Copying?.Command.Step != newest.Step
            && Missing(transition.State, newest) is { } copy)
            transition.Send(copy);
    }

    /// <summary>Whoever waits for a copy does not wait for ever.</summary>
    public static void StopWaiting(Transition transition)
    {
        if (IsAllThatIsWaitedFor(transition.State) && transition.Checkpointing.Copying is { } copy
            && IsOverdue(transition.State, copy))
            transition.BecomeDeciding();
    }

    private static void Add(Transition transition, CheckpointEntry entry, CheckpointHolder holder)
    {
        var changed = entry with { Copies = [.. entry.Copies.Where(each => each.Silo != holder.Silo), holder] };
        transition.Record = transition.Record with
        {
            Checkpoints = [.. transition.Record.Checkpoints.Select(each => each.Step == entry.Step ? changed : each)],
        };
        transition.Persist();
    }

    private static void GoOn(Transition transition, bool wasAwaited)
    {
        OrderNext(transition);
        if (wasAwaited && IsAllThatIsWaitedFor(transition.State))
            transition.BecomeDeciding();
    }

    private static bool IsAllThatIsWaitedFor(RunState state) =>
        state is { Phase: RunPhase.Saving, Checkpointing.Writing: null };

    private static bool Clear(Transition transition, SiloName silo, long step)
    {
        if (transition.Checkpointing.Copying?.Command is not { } copy || copy.Silo != silo || copy.Step != step)
            return false;
        transition.Checkpointing = transition.Checkpointing with { Copying = null };
        return true;
    }

    private static bool IsOverdue(RunState state, CopyInFlight copy) =>
        state.Now - copy.SentAt >= state.Options.LastCopyPatience;

    /// <summary>
    /// The copy that an entry lacks; null for none, or if nobody can make it. Disks that are away for a while count for
    /// all but the newest checkpoint, from which a run would go on.
    /// </summary>
    private static CopyCheckpoint? Missing(RunState state, CheckpointEntry entry)
    {
        var isNewest = entry.Step == state.Record.NewestCheckpoint?.Step;
        var count = isNewest ? StayingCount(state, entry) : 1 + entry.Copies.Count;
        var disks = state.Cluster.Disks;
        var sources = disks.Where(entry.IsOn).OrderBy(disk => disk.Silo == entry.Silo ? 0 : 1).ToList();
        if (count >= WantedCount || sources.Count == 0)
            return null;
        var targets = disks
            .Where(disk => !disk.IsLeaving && !entry.IsOn(disk))
            .Where(disk => sources.TrueForAll(source => source.DataFolderId != disk.DataFolderId))
            .OrderBy(disk => state.Members.Exists(member => member.Silo == disk.Silo) ? 0 : 1)
            .DistinctBy(disk => disk.DataFolderId)
            .ToList();
        if (targets.Count == 0)
            return null;
        var target = targets[state.Checkpointing.FailedCopyCount % targets.Count];
        return new CopyCheckpoint(target.Silo, sources[0].Silo, entry.Step, target.DataFolderId);
    }

    /// <summary>Disks that hold it and whose silos are there to stay.</summary>
    private static int StayingCount(RunState state, CheckpointEntry entry) => state.Cluster.Disks
        .Where(disk => !disk.IsLeaving && entry.IsOn(disk)).DistinctBy(disk => disk.DataFolderId).Count();
}
