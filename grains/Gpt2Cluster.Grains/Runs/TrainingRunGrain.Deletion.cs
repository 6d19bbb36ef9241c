using Gpt2Cluster.Contracts;
using Gpt2Cluster.Contracts.Cluster;
using Gpt2Cluster.Contracts.Runs;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Runs;
using Microsoft.Extensions.Logging;

namespace Gpt2Cluster.Grains.Runs;

/// <content>The end of a run and of all that belongs to it.</content>
internal sealed partial class TrainingRunGrain
{
    /// <summary>Another run that says nothing for this long is taken to need what it may need.</summary>
    private static readonly TimeSpan OtherRunPatience = TimeSpan.FromSeconds(4);

    /// <summary>Silos answer within 4 s; whoever asked this coordinator waits 12 s.</summary>
    private static readonly TimeSpan SiloPatience = TimeSpan.FromSeconds(6);

    private bool isDeleting;
    private Task<Clearing>? clearing;

    /// <inheritdoc/>
    public Task<RunDescription?> Settled() => Describe();

    /// <inheritdoc/>
    public async Task<DeletionAnswer> Delete(string? life)
    {
        isDeleting = true;
        try
        {
            return await DeleteLife(life ?? RunRecord.UnnamedLife);
        }
        finally
        {
            isDeleting = false;
        }
    }

    private async Task<DeletionAnswer> DeleteLife(string meant)
    {
        if (state is null)
            return records.IsToBeCleared ? await ClearAndEnd(records.DeletedLives, null) : IsNotThere;
        var record = state.Record;
        if (record.Life != meant)
            return record.DeletedLives.Contains(meant) ? IsNotThere : Refused(IsAnother);
        if (!record.IsAtRest)
            return Refused(NotAtRest(record));
        if (await WhoNeedsIt(record) is { } reason)
            return Refused(reason);
        await Request(new DeletionRequested(meant), _ => true);
        return records.IsToBeCleared
            ? await ClearAndEnd(records.DeletedLives, record)
            : Refused($"The run {Name} was just resumed, or another one has come to stand on it; see 'show {Name}'.");
    }

    private static DeletionAnswer IsNotThere => new() { Outcome = DeletionOutcome.IsNotThere };

    private string IsAnother => $"Another run has the name {Name} now; see 'show {Name}'.";

    private string NotAtRest(RunRecord record) =>
        $"The run {Name} is {record.Status.Word()}; 'pause {Name}' or 'cancel {Name}' lets it rest "
        + "first.";

    private static DeletionAnswer Refused(string reason) =>
        new() { Outcome = DeletionOutcome.Refused, Reason = reason };

    /// <summary>
    /// The sentence that names a run which needs a checkpoint of this one; null if none does. What is held for runs
    /// that are gone, or were never taken, is given free.
    /// </summary>
    private async Task<string?> WhoNeedsIt(RunRecord record)
    {
        foreach (var hold in record.Holds)
        {
            var (isKnown, other) = await Ask(hold.Run);
            if (!isKnown)
                return DoesNotSay(hold.Run);
            if (other is not null && Deletion.StandsOn(other, Name, hold.Step))
                return Deletion.ReasonToKeep(other, hold.Run, Name);
            await Request(new HoldReleased(hold.Step, hold.Run), _ => true);
        }

        foreach (var run in await RunsThatBeganWithIt())
        {
            var (isKnown, other) = await Ask(run);
            if (!isKnown)
                return DoesNotSay(run);
            if (other is not null && Deletion.ReasonToKeep(other, run, Name) is { } reason)
                return reason;
        }

        return null;
    }

    private string DoesNotSay(RunName run) =>
        $"The run {run} does not say whether it needs a checkpoint of {Name}; try again.";

    private async Task<IEnumerable<RunName>> RunsThatBeganWithIt()
    {
        var runs = await GrainFactory.Cluster().Runs();
        return runs.Where(run => run.Model == Core.Specification.ModelReference.RunPrefix + Name
                && run.Name != Name)
            .Select(run => run.Name);
    }

    /// <summary>
    /// By a call that waits for its turn: a run that is just being submitted has asked for what it stands on, and is
    /// not there yet.
    /// </summary>
    private async Task<(bool IsKnown, OtherRun? Run)> Ask(RunName run)
    {
        try
        {
            var found = await GrainFactory.Run(run).Settled().WaitAsync(OtherRunPatience, time);
            return (true, found is null ? null : OtherRun.Of(found.Record));
        }
        catch (Exception problem) when (TransientErrors.Is(problem))
        {
            return (false, null);
        }
    }

    /// <summary>This activation has nothing to do any more; the name is free for a new one.</summary>
    private async Task<DeletionAnswer> ClearAndEnd(string[] lives, RunRecord? record)
    {
        DeactivateOnIdle();
        var (bytes, silos, silent) = await Clear(lives, record is null ? [] : Catalogue(record));
        if (record is not null && !HasGivenUp(record))
            await ReleaseBase(record.Specification);
        LogDeleted(Name, bytes);
        var away = from entry in record?.Checkpoints ?? []
                   from holder in entry.Holders()
                   where !Array.Exists(silos, silo => holder.DataFolderId is { } id
                       ? id == silo.DataFolderId
                       : holder.Silo == silo.Name)
                   select holder.Silo;
        return new DeletionAnswer
        {
            Outcome = DeletionOutcome.Deleted,
            Bytes = bytes,
            Away = [.. away.OfType<SiloName>().Union(silent).OrderBy(silo => silo.ToString(), StringComparer.Ordinal)],
        };
    }

    /// <summary>What only the catalogue tells from other runs' checkpoints; empty where lives do.</summary>
    private static CheckpointEntry[] Catalogue(RunRecord record) => record.AllLives.Contains(RunRecord.UnnamedLife)
        ? [.. record.Checkpoints]
        : [];

    /// <summary>Goes on with a deletion whose coordinator died after it had forgotten the run's record.</summary>
    private async Task FinishDeletion()
    {
        try
        {
            // One that was replaced must not take the events of the run that has the name by now.
            if (await records.WasReplaced())
                DeactivateOnIdle();
            else if (state is null && records.IsToBeCleared)
                await Clear(records.DeletedLives, []);
        }
        catch (Exception problem) when (TransientErrors.Is(problem))
        {
            LogNotCleared(problem, Name);
        }
    }

    /// <summary>
    /// Removes what is left of a run whose record is gone: its events, its place in the cluster's list, its
    /// checkpoints. Silos that are away look themselves for what was deleted when they are back. Whoever comes while
    /// that is under way waits for it: a new run of the name must not begin in the middle.
    /// </summary>
    private async Task<Clearing> Clear(string[] lives, CheckpointEntry[] catalogue)
    {
        var own = clearing ??= ClearNow(lives, catalogue);
        try
        {
            return await own;
        }
        finally
        {
            if (clearing == own)
                clearing = null;
        }
    }

    private async Task<Clearing> ClearNow(string[] lives, CheckpointEntry[] catalogue)
    {
        await feed.Clear();
        var cluster = GrainFactory.Cluster();
        await cluster.RunDeleted(Name, lives);
        var silos = (await cluster.Describe()).Silos;
        var answers = await Task.WhenAll(silos.Select(silo => RemoveFrom(silo.Name, lives, catalogue)));
        await records.Cleared();
        // Silos that share a folder remove each a part of it, or nothing.
        return new Clearing(answers.Sum(answer => answer.Bytes), silos,
            [.. silos.Zip(answers).Where(pair => !pair.Second.IsHeard).Select(pair => pair.First.Name)]);
    }

    private async Task<(bool IsHeard, long Bytes)> RemoveFrom(
        SiloName silo, string[] lives, CheckpointEntry[] catalogue)
    {
        try
        {
            var answer = await GrainFactory.Store(silo).RemoveRun(Name, lives, catalogue)
                .WaitAsync(SiloPatience, time);
            return (true, answer.Bytes);
        }
        catch (Exception problem) when (TransientErrors.Is(problem))
        {
            LogNotRemoved(problem, silo, Name);
            return (false, 0);
        }
    }

    private sealed record Clearing(long Bytes, SiloDescription[] Silos, SiloName[] Silent);

    [LoggerMessage(307, LogLevel.Information, "Run {Run} is deleted: {Bytes} bytes of checkpoints were removed.")]
    private partial void LogDeleted(RunName run, long bytes);

    [LoggerMessage(309, LogLevel.Warning, "What is left of the deleted run {Run} is not gone; it is tried again.")]
    private partial void LogNotCleared(Exception exception, RunName run);

    [LoggerMessage(308, LogLevel.Warning,
        "Silo {Silo} did not say that it has removed the checkpoints of run {Run}; it looks for them by itself.")]
    private partial void LogNotRemoved(Exception exception, SiloName silo, RunName run);
}
