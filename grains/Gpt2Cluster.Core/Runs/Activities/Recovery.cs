using Gpt2Cluster.Core.Runs.State;
using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Core.Runs.Activities;

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
    public static void Found(Transition transition, CheckpointsFound found)
    {
        var isUnderWay = transition.State.Phase
            is RunPhase.Preparing or RunPhase.Stepping or RunPhase.Validating or RunPhase.Sampling;
        if (transition.State.Phase is not (RunPhase.Waiting or RunPhase.Surveying) && !isUnderWay)
            return;
        // A disk that was away still holds what people have deleted.
        found = new CheckpointsFound(
            [.. found.Checkpoints.Where(each => !transition.Record.DeletedLives.Contains(each.Record.Life))]);
        AddCopies(transition, found);
        var own = found.Checkpoints.Where(each => IsOfThisRun(transition.Record, each.Record));
        Catalogue.AddHolds(transition, own.SelectMany(each => each.Record.Holds).Distinct());
        List<FoundCheckpoint> news =
        [
            .. found.Checkpoints
                .Where(each => !Catalogue.HasStep(transition.Record, each.Entry.Step)
                    && IsOfThisRun(transition.Record, each.Record)
                    && (!isUnderWay || each.Entry.Step > transition.State.Step))
                .GroupBy(each => (each.Entry.Step, each.Entry.StateHash))
                .Select(WithCopies)
                .DistinctBy(each => each.Entry.Step)
                .OrderBy(each => each.Entry.Step),
        ];
        if (news.Count == 0)
            return;
        transition.Record = Progress(transition.Record, news[^1]) with
        {
            Checkpoints =
                [.. transition.Record.Checkpoints.Concat(news.Select(each => each.Entry)).OrderBy(each => each.Step)],
            Lives = WithLivesOf(transition.Record, news),
        };
        transition.Persist();
        var (newest, steps) = (news[^1].Entry, string.Join(", ", news.Select(each => each.Entry.Step)));
        transition.Warn(
            $"Found on disk and taken back: checkpoints of step {steps} (the newest on silo {newest.Silo}).");
        if (isUnderWay)
            Membership.Form(transition, $"the checkpoint of step {newest.Step} was found");
    }

    /// <summary>A copy was made, and the coordinator died before it had stored that.</summary>
    private static void AddCopies(Transition transition, CheckpointsFound found)
    {
        var known = transition.Record.Checkpoints;
        List<CheckpointEntry> completed = [.. known.Select(entry => WithCopies(entry, found))];
        if (completed.SequenceEqual(known))
            return;
        transition.Record = transition.Record with { Checkpoints = completed };
        transition.Persist();
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
