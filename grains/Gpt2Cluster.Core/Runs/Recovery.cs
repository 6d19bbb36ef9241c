using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Core.Runs;

/// <summary>
/// Checkpoints that lie on disks and that the record does not name: the coordinator died before it had stored their
/// entry, or the store was lost and the run was submitted again. One of the same specification holds the same bits,
/// whoever wrote it.
/// </summary>
internal static class Recovery
{
    /// <summary>
    /// Takes them into the catalogue before replicas are made; the newest brings the run's progress with it. Later, as
    /// silos come one after the other, one counts that is further than the run: it goes on from there.
    /// </summary>
    public static void Found(Turn turn, CheckpointsFound found)
    {
        var isUnderWay = turn.State.Phase
            is RunPhase.Preparing or RunPhase.Stepping or RunPhase.Validating or RunPhase.Sampling;
        if (turn.State.Phase is not (RunPhase.Waiting or RunPhase.Standing) && !isUnderWay)
            return;
        // A disk that was away still holds what people have deleted.
        found = new CheckpointsFound(
            [.. found.Checkpoints.Where(each => !turn.Record.DeletedLives.Contains(each.Record.Life))]);
        AddCopies(turn, found);
        var own = found.Checkpoints.Where(each => IsOfThisRun(turn.Record, each.Record));
        Holding.Add(turn, own.SelectMany(each => each.Record.Holds).Distinct());
        List<FoundCheckpoint> news =
        [
            .. found.Checkpoints
                .Where(each => !Saving.HasStep(turn, each.Entry.Step) && IsOfThisRun(turn.Record, each.Record)
                    && (!isUnderWay || each.Entry.Step > turn.State.Step))
                .GroupBy(each => (each.Entry.Step, each.Entry.StateHash))
                .Select(WithCopies)
                .DistinctBy(each => each.Entry.Step)
                .OrderBy(each => each.Entry.Step),
        ];
        if (news.Count == 0)
            return;
        turn.Record = Progress(turn.Record, news[^1]) with
        {
            Checkpoints =
                [.. turn.Record.Checkpoints.Concat(news.Select(each => each.Entry)).OrderBy(each => each.Step)],
            Lives = WithLivesOf(turn.Record, news),
        };
        turn.Persist();
        var (newest, steps) = (news[^1].Entry, string.Join(", ", news.Select(each => each.Entry.Step)));
        turn.Warn($"Found on disk and taken back: checkpoints of step {steps} (the newest on silo {newest.Silo}).");
        if (isUnderWay)
            Membership.Form(turn, $"the checkpoint of step {newest.Step} was found");
    }

    /// <summary>A copy was made, and the coordinator died before it had stored that.</summary>
    private static void AddCopies(Turn turn, CheckpointsFound found)
    {
        var known = turn.Record.Checkpoints;
        List<CheckpointEntry> completed = [.. known.Select(entry => WithCopies(entry, found))];
        if (completed.SequenceEqual(known))
            return;
        turn.Record = turn.Record with { Checkpoints = completed };
        turn.Persist();
    }

    private static CheckpointEntry WithCopies(CheckpointEntry entry, CheckpointsFound found)
    {
        var holders = entry.Copies.Prepend(new CheckpointHolder(entry.Silo, entry.DataFolderId)).ToList();
        var news = found.Checkpoints.Select(each => each.Entry)
            .Where(each => each.Step == entry.Step && each.StateHash == entry.StateHash)
            .Select(each => new CheckpointHolder(each.Silo, each.DataFolderId))
            .Where(holder => !holders.Contains(holder))
            .Distinct()
            .ToList();
        return news.Count == 0 ? entry : entry with
        {
            Copies = [.. entry.Copies.Where(old => !news.Exists(holder => holder.Silo == old.Silo)), .. news],
        };
    }

    /// <summary>One of several silos that hold it stands for the one that wrote it.</summary>
    private static FoundCheckpoint WithCopies(IEnumerable<FoundCheckpoint> same)
    {
        var all = same.DistinctBy(each => (each.Entry.Silo, each.Entry.DataFolderId)).ToList();
        var copies = all.Skip(1).Select(each => new CheckpointHolder(each.Entry.Silo, each.Entry.DataFolderId));
        return all[0] with { Entry = all[0].Entry with { Copies = [.. copies] } };
    }

    private static RunRecord Progress(RunRecord record, FoundCheckpoint newest) =>
        newest.Entry.Step <= record.CommittedStep ? record : record with
        {
            CommittedStep = newest.Entry.Step,
            Specification = record.Specification.With(newest.Record.Specification),
            Devices = record.Devices ?? newest.Record.Devices,
            Profile = newest.Record.Profile,
            NewerArithmeticSince = newest.Record.NewerArithmeticSince,
            BestValidation = newest.Record.BestValidation,
            LastValidation = newest.Record.LastValidation,
            ValidationsSinceBest = newest.Record.ValidationsSinceBest,
            SampledStep = newest.Record.SampledStep,
            History = newest.Record.History,
            ActiveTime = newest.Record.ActiveTime,
        };

    /// <summary>Whose checkpoints the run has taken over, they are deleted with its own.</summary>
    private static IReadOnlyList<string> WithLivesOf(RunRecord own, IEnumerable<FoundCheckpoint> found)
    {
        List<string> lives = [.. own.AllLives.Union(found.SelectMany(each => each.Record.AllLives))];
        return lives.Count == own.AllLives.Count ? own.Lives : lives;
    }

    private static bool IsOfThisRun(RunRecord own, RunRecord other) =>
        SpecificationJson.Write(own.Specification.With(other.Specification))
            == SpecificationJson.Write(other.Specification.With(own.Specification) with
            {
                Workers = own.Specification.Workers,
            })
        && (own.Profile is null || !own.Specification.Exact || own.Profile == other.Profile
            || other.Profile?.IsOlderThan(own.Profile) == true);
}
