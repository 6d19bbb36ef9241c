using Gpt2Cluster.Contracts;
using Gpt2Cluster.Core.Housekeeping;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Threads;
using Gpt2Cluster.Data.Datasets;
using Gpt2Cluster.Data.Storage;
using Gpt2Cluster.Grains.Checkpoints;
using Gpt2Cluster.Grains.Placement;
using Microsoft.Extensions.Logging;

namespace Gpt2Cluster.Grains.Housekeeping;

/// <summary>What was found or removed in a data folder.</summary>
/// <param name="Things">Those that nobody names.</param>
/// <param name="Failure">Why some of them are left, in one sentence; null if none is.</param>
public sealed record Pruned(IReadOnlyList<StoredThing> Things, string? Failure);

/// <summary>
/// Removes what nobody names any more from this silo's disk. <see cref="Unused"/> decides, on what the cluster names:
/// without an answer of the cluster nothing is removed.
/// </summary>
public sealed partial class DiskKeeper(
    SiloContext silo,
    DiskInventory inventory,
    DatasetDirectory datasets,
    CheckpointStore checkpoints,
    IGrainFactory grains,
    TimeProvider time,
    ILogger<DiskKeeper> logger)
{
    /// <summary>Removes what is of no use.</summary>
    /// <param name="age">For so long nobody has used it; see <see cref="Unused.Of"/>.</param>
    /// <param name="isDryRun">Whether nothing is removed, or changed otherwise.</param>
    /// <exception cref="OrleansException">The cluster does not say what it names; nothing was removed.</exception>
    /// <exception cref="TimeoutException">The same.</exception>
    public async Task<Pruned> Prune(TimeSpan age, bool isDryRun)
    {
        var (named, namings) = await Named();
        var pruned = await DedicatedThread.Run("housekeeping", () =>
        {
            if (!isDryRun)
                Say(named, namings);
            return Prune(named, age, isDryRun);
        });
        if (!isDryRun)
        {
            foreach (var thing in pruned.Things)
                LogRemoved(thing.Kind, thing.Name, thing.Bytes);
            foreach (var dataset in pruned.Things.Where(thing => thing.Kind == ThingKind.Dataset))
                await Forget(dataset.Name);
        }

        return pruned;
    }

    /// <summary>The dataset is gone; whoever looks for it on this disk finds that out.</summary>
    private async Task Forget(string hash)
    {
        try
        {
            await grains.Dataset(hash).ForgetHolders();
        }
        catch (Exception problem)
        {
            LogNotForgotten(problem, hash);
        }
    }

    /// <summary>What the cluster names. Runs of older versions are asked themselves.</summary>
    private async Task<(NamedThings Named, IReadOnlyList<(string Hash, NamingRun Run)> Namings)> Named()
    {
        var known = await grains.Cluster().KnownRuns();
        var namings = new List<(string Hash, NamingRun Run)>();
        foreach (var run in known.Runs)
        {
            var naming = new NamingRun(silo.ClusterId, run.Name.ToString(), run.Life ?? "");
            namings.AddRange((run.Datasets ?? await DatasetsOf(run.Name)).Select(hash => (hash, naming)));
        }

        var named = new NamedThings(
            known.Runs.Select(run => run.Name.ToString()).ToHashSet(StringComparer.Ordinal),
            namings.Select(naming => naming.Hash).ToHashSet(StringComparer.Ordinal),
            [.. known.Deleted.Select(run => new DeletedRun(run.Run.ToString(), run.Lives))])
        {
            Cluster = silo.ClusterId,
        };
        return (named, namings);
    }

    private async Task<IEnumerable<string>> DatasetsOf(RunName run) =>
        await grains.Run(run).Describe() is { } description
            ? description.Record.Specification.DatasetHashes()
            : [];

    /// <summary>
    /// Says on the disk which runs need which datasets. Another cluster whose silos share this folder sees it, and so
    /// does this one if it has lost its store.
    /// </summary>
    private void Say(NamedThings named, IReadOnlyList<(string Hash, NamingRun Run)> namings)
    {
        foreach (var (hash, run) in namings)
            Try(hash, () => Use(hash, run));
        Try("of all runs", () =>
        {
            foreach (var hash in datasets.List())
                Try(hash, () => RemoveNotes(hash, named));
        });

        void Try(string hash, Action say)
        {
            try
            {
                say();
            }
            catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
            {
                LogNotSaid(problem, hash);
            }
        }
    }

    private void RemoveNotes(string hash, NamedThings named)
    {
        foreach (var run in datasets.NamedBy(hash).Where(run => Unused.IsDeleted(run, named)))
            datasets.RemoveNote(hash, run);
    }

    private void Use(string hash, NamingRun run)
    {
        if (!datasets.Touch(hash, out var problem))
            return;
        if (problem is not null)
            LogNotTouched(problem, hash);
        datasets.Note(hash, run);
    }

    private Pruned Prune(NamedThings named, TimeSpan age, bool isDryRun)
    {
        var unused = Unused.Of(inventory.List(), named, time.GetUtcNow(), age);
        if (isDryRun)
            return new Pruned(unused, null);
        string? failure = null;
        List<StoredThing> removed = [.. unused.Where(Remove)];
        foreach (var run in named.Deleted.Select(run => run.Run).Where(run => !named.Runs.Contains(run)))
            checkpoints.RemoveEmptyFolder(RunName.Parse(run));
        return new Pruned(removed, failure);

        bool Remove(StoredThing thing)
        {
            try
            {
                return RemoveIfUnused(thing);
            }
            catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
            {
                LogNotRemoved(problem, thing.Path);
                failure ??= $"{thing.Path} could not be removed: {problem.Message.TrimEnd('.')}.";
                return false;
            }
        }
    }

    /// <summary>Somebody may have come to need it since it was looked at.</summary>
    private bool RemoveIfUnused(StoredThing thing)
    {
        switch (thing.Kind)
        {
            case ThingKind.Dataset:
                return datasets.Remove(thing.Name, thing.UsedAt, thing.NamedBy);
            case ThingKind.Checkpoint:
                return checkpoints.Remove(thing);
            case ThingKind.Upload:
                var isThere = File.Exists(thing.Path);
                File.Delete(thing.Path);
                return isThere;
            case ThingKind.Download:
                return RemovedFolder.Remove(thing.Path);
            case ThingKind.Remains:
                if (StagedFolder.IsInUse(thing.Path) || !Directory.Exists(thing.Path))
                    return false;
                Directory.Delete(thing.Path, recursive: true);
                return true;
            default:
                throw new ArgumentOutOfRangeException(nameof(thing), thing.Kind, "Unknown kind.");
        }
    }

    [LoggerMessage(501, LogLevel.Information,
        "Nobody names the {Kind} {Name} any more; it was removed, {Bytes} bytes.")]
    private partial void LogRemoved(ThingKind kind, string name, long bytes);

    [LoggerMessage(504, LogLevel.Warning, "It could not be said on the disk that the dataset {Hash} is of use.")]
    private partial void LogNotTouched(Exception exception, string hash);

    [LoggerMessage(505, LogLevel.Warning, "The cluster could not be told that the dataset {Hash} was removed here.")]
    private partial void LogNotForgotten(Exception exception, string hash);

    [LoggerMessage(503, LogLevel.Warning,
        "It could not be noted which runs need the dataset {Hash}; it is tried again.")]
    private partial void LogNotSaid(Exception exception, string hash);

    [LoggerMessage(502, LogLevel.Warning, "{Path} is of no use and could not be removed; it is tried again.")]
    private partial void LogNotRemoved(Exception exception, string path);
}
