using Gpt2Cluster.Core.Checkpoints;

namespace Gpt2Cluster.Core.Runs.Activities;

/// <summary>The run's checkpoints as the record names them, and those of them that other runs stand on.</summary>
internal static class Catalogue
{
    public static bool HasStep(RunRecord record, long step) => record.Checkpoints.Any(entry => entry.Step == step);

    public static CheckpointEntry? EntryOf(RunRecord record, long step) =>
        record.Checkpoints.FirstOrDefault(entry => entry.Step == step);

    public static double? ValidationLoss(RunRecord record, long step)
    {
        ValidationPoint?[] known = [record.LastValidation, record.BestValidation];
        return known.FirstOrDefault(point => point?.Step == step)?.Loss;
    }

    /// <summary>Stores the catalogue without what expires, which is deleted only then.</summary>
    /// <param name="transition">The decision.</param>
    /// <param name="all">The catalogue, oldest first.</param>
    public static void KeepUnexpired(Transition transition, IReadOnlyList<CheckpointEntry> all)
    {
        var record = transition.Record;
        var held = record.Holds.Select(hold => hold.Step);
        var expired = Retention.Expired(
            all.Select(each => each.Step), record.Specification.Keep, record.BestValidation?.Step, held);
        transition.Record = record with { Checkpoints = [.. all.Where(each => !expired.Contains(each.Step))] };
        transition.Persist();
        if (expired.Count > 0)
            transition.Send(DeleteAllOthers(transition.Record));
    }

    /// <summary>Takes holds into the record, and stores it if there are new ones among them.</summary>
    public static void AddHolds(Transition transition, IEnumerable<CheckpointHold> holds)
    {
        var news = holds.Except(transition.Record.Holds).ToList();
        if (news.Count == 0)
            return;
        transition.Record = transition.Record with
        {
            Holds =
            [
                .. transition.Record.Holds.Concat(news)
                    .OrderBy(hold => hold.Step)
                    .ThenBy(hold => hold.Run.ToString(), StringComparer.Ordinal),
            ],
        };
        transition.Persist();
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
