using Gpt2Cluster.Core.Runs.State;

namespace Gpt2Cluster.Core.Runs.Activities;

/// <summary>Checkpoints of the catalogue that cannot be loaded: damaged, or on a disk that is away.</summary>
internal static class CheckpointLoss
{
    /// <summary>
    /// The next older checkpoint is used; whoever could load the damaged one elsewhere is copied from.
    /// </summary>
    public static void Damaged(Transition transition, CheckpointDamaged damaged)
    {
        if (!Catalogue.HasStep(transition.Record, damaged.Step))
            return;
        transition.Warn($"The checkpoint of step {damaged.Step} is damaged and set aside: {damaged.Reason}");
        transition.Record = transition.Record with
        {
            Checkpoints = [.. transition.Record.Checkpoints.Where(entry => entry.Step != damaged.Step)],
        };
        transition.Persist();
        if (transition.State.Phase is RunPhase.Forming)
            Membership.Form(transition, $"the checkpoint of step {damaged.Step} is damaged");
    }

    /// <summary>
    /// Its disk may come back, and what lies there would be lost with the entry: the run waits. Who asked for it looks
    /// again whenever the order is repeated.
    /// </summary>
    public static void Unreachable(Transition transition, CheckpointUnreachable missing)
    {
        var awaited = transition.Member(missing.Worker, missing.Generation)?.Awaited;
        if (awaited is not { Source: ReplicaSource.Checkpoint } || awaited.Step != missing.Step
            || Catalogue.EntryOf(transition.Record, missing.Step) is not { } entry)
            return;
        var isNews = transition.Checkpointing.Missing != missing.Step;
        transition.Checkpointing = transition.Checkpointing with { Missing = missing.Step };
        if (transition.State.Ending is not null)
            Completion.LoseState(transition);
        var holders = string.Join(" or ", entry.Copies.Select(copy => copy.Silo).Prepend(entry.Silo).Distinct());
        var remark = $"it waits for silo {holders}, which holds the checkpoint of step {entry.Step}";
        if (transition.State.IsResting || transition.Record.Remark == remark)
            return;
        transition.Record = transition.Record with { Remark = remark };
        transition.Persist();
        if (!isNews)
            return;
        transition.Warn(
            $"The run cannot go on yet: {remark}; {missing.Reason}. Start that silo; if its disk is lost, start one of "
            + "that name, and the run goes on from the next older checkpoint.");
    }
}
