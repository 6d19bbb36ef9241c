using Gpt2Cluster.Contracts;
using Gpt2Cluster.Contracts.Models;
using Gpt2Cluster.Core.Housekeeping;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Core.Threads;
using Gpt2Cluster.Data.Storage;
using Gpt2Cluster.Grains.Checkpoints;
using Gpt2Cluster.Grains.Housekeeping;
using Gpt2Cluster.Grains.Placement;
using Microsoft.Extensions.Logging;

namespace Gpt2Cluster.Grains.Models;

/// <summary>
/// What takes how much of this silo's disk, and what is taken away from it. Each activation of the silo's store has
/// one, for its turns.
/// </summary>
public sealed partial class DiskRemoval(
    SiloContext silo,
    StoredPaths paths,
    CheckpointStore checkpoints,
    IDataDisk disk,
    DiskKeeper keeper,
    IGrainFactory grains,
    TimeProvider time,
    ILogger<DiskRemoval> logger)
{
    private readonly PendingOperations<RemovalAnswer> removing = new(time);
    private readonly PendingOperations<PruneAnswer> pruning = new(time);

    /// <summary>As <see cref="IModelStore.RunSizes"/>.</summary>
    public Task<RunOnDisk[]> RunSizes() => DedicatedThread.Run<RunOnDisk[]>("sizes of runs", () =>
    [
        .. from run in checkpoints.Runs()
           let bytes = checkpoints.Things(run).Sum(thing => thing.Bytes)
           where bytes > 0
           select new RunOnDisk(run, bytes),
    ]);

    /// <summary>As <see cref="IModelStore.RemoveRun"/>.</summary>
    public Task<RemovalAnswer> RemoveRun(RunName run, string[] lives, CheckpointEntry[]? catalogue)
    {
        return catalogue is { Length: > 0 }
            ? Remove($"run {run} and its catalogue", () =>
                checkpoints.RemoveUnnamed(run, catalogue) + checkpoints.RemoveLives(run, lives, isNameFree: true))
            : Remove($"run {run}", () => checkpoints.RemoveLives(run, lives, isNameFree: true));
    }

    /// <summary>As <see cref="IModelStore.RemoveModel"/>.</summary>
    public Task<RemovalAnswer> RemoveModel(string name)
    {
        var folder = paths.FolderOf($"models/{name}");
        return Remove(
            $"model {name}",
            () =>
            {
                var bytes = RemovedFolder.BytesOf(folder);
                return RemovedFolder.Remove(folder) ? bytes : 0;
            },
            () => new ModelNeeds(checkpoints, grains, time).ReasonToKeep(name));
    }

    /// <summary>As <see cref="IModelStore.Prune"/>.</summary>
    public Task<PruneAnswer> Prune(bool isDryRun) => pruning.Ask(
        isDryRun ? "look" : "remove",
        async () =>
        {
            try
            {
                return Answer(await keeper.Prune(Unused.RequestedAge, isDryRun));
            }
            catch (Exception problem) when (TransientErrors.Is(problem))
            {
                return new PruneAnswer(
                    IsDone: true, [], $"The cluster does not say what its runs need, so silo {silo.Name} keeps all.");
            }
            catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
            {
                var said = $"Silo {silo.Name} could not look at all of its disk: {problem.Message.TrimEnd('.')}.";
                LogNotPruned(problem);
                return new PruneAnswer(IsDone: true, [], said);
            }
        },
        new PruneAnswer(IsDone: false, []));

    private static PruneAnswer Answer(Pruned pruned) => new(
        IsDone: true,
        [.. pruned.Things.Select(thing => new PrunedThing(thing.Kind, thing.Name, thing.Path, thing.Bytes))],
        pruned.Failure);

    /// <summary>
    /// Removes what deleted lives of a run have left. What cannot be removed now is no copy either: it is set aside, or
    /// goes with the next attempt.
    /// </summary>
    public Task<long> RemoveDeleted(RunName run, string[] lives) => disk.Run(
        "remove what was deleted", () => checkpoints.RemoveLives(run, lives, isNameFree: false));

    private Task<RemovalAnswer> Remove(
        string what, Func<long> remove, Func<Task<string?>>? reasonToKeep = null) => removing.Ask(
        what,
        async () =>
        {
            try
            {
                if (reasonToKeep is not null && await reasonToKeep() is { } reason)
                    return new RemovalAnswer(IsDone: true, Refusal: reason);
                return new RemovalAnswer(IsDone: true, await DedicatedThread.Run($"remove {what}", remove));
            }
            catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
            {
                var said = $"Silo {silo.Name} could not remove all of the {what}: {problem.Message.TrimEnd('.')}.";
                LogNotRemoved(problem, what);
                return new RemovalAnswer(IsDone: true, 0, said);
            }
        },
        new RemovalAnswer(IsDone: false));

    [LoggerMessage(LogLevel.Warning, "The disk could not be looked at for what is of no use.")]
    private partial void LogNotPruned(Exception problem);

    [LoggerMessage(LogLevel.Warning, "Not all of the {What} could be removed.")]
    private partial void LogNotRemoved(Exception problem, string what);
}
