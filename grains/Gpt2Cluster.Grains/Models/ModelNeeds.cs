using Gpt2Cluster.Contracts;
using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Housekeeping;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Core.Specification;
using Gpt2Cluster.Core.Threads;
using Gpt2Cluster.Grains.Checkpoints;

namespace Gpt2Cluster.Grains.Models;

/// <summary>
/// Who needs a model of the store: a run that the cluster lists, or one of which a checkpoint lies on this disk though
/// the cluster has lost its record.
/// </summary>
/// <param name="checkpoints">The checkpoints on this disk.</param>
/// <param name="grains">The cluster.</param>
/// <param name="time">The clock.</param>
internal sealed class ModelNeeds(CheckpointStore checkpoints, IGrainFactory grains, TimeProvider time)
{
    /// <summary>A run that says nothing for this long is taken to need the model.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(4);

    /// <summary>Why the model is not to be removed, in one sentence; null if nobody needs it.</summary>
    /// <param name="model">Its name in the store.</param>
    public async Task<string?> ReasonToKeep(string model)
    {
        try
        {
            var known = await grains.Cluster().KnownRuns().WaitAsync(Patience, time);
            foreach (var run in known.Runs)
            {
                if (Presets.Canonical(run.Model) == model && await ReasonOf(run.Name, model) is { } reason)
                    return reason;
            }

            var named = new NamedThings(
                known.Runs.Select(run => run.Name.ToString()).ToHashSet(StringComparer.Ordinal),
                new HashSet<string>(),
                [.. known.Deleted.Select(run => new DeletedRun(run.Run.ToString(), run.Lives))]);
            return await DedicatedThread.Run("who needs a model", () => ReasonOnDisk(model, named));
        }
        catch (Exception problem) when (TransientErrors.Is(problem))
        {
            return $"The cluster does not say whether a run needs the model {model}; try again.";
        }
    }

    private async Task<string?> ReasonOf(RunName run, string model)
    {
        try
        {
            var found = await grains.Run(run).Describe().WaitAsync(Patience, time);
            var needsIt = found is not null && Deletion.NeedsModel(OtherRun.Of(found.Record), model);
            return needsIt ? $"The run {run} needs the model {model}; 'delete {run}' goes first." : null;
        }
        catch (Exception problem) when (TransientErrors.Is(problem) || problem is UserErrorException)
        {
            return $"The run {run} does not say whether it needs the model {model}; try again.";
        }
    }

    private string? ReasonOnDisk(string model, NamedThings named)
    {
        foreach (var run in checkpoints.Runs())
        {
            if (checkpoints.Things(run).FirstOrDefault(thing => thing.IsUnreadable) is { } unreadable)
                return $"The checkpoint in {unreadable.Path} cannot be read, and may need the model {model}.";
            foreach (var (path, record) in checkpoints.Records(run))
            {
                var writer = new OtherRun(record.Specification, HasCheckpoint: true, MayGoOn: false);
                if (!Unused.IsDeleted(run.ToString(), record.Life, named) && Deletion.NeedsModel(writer, model))
                    return $"The run {run} needs the model {model}: its checkpoint lies in {path}.";
            }
        }

        return null;
    }
}
