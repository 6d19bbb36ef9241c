using System.Globalization;
using Gpt2Cluster.Contracts;
using Gpt2Cluster.Contracts.Datasets;
using Gpt2Cluster.Contracts.Models;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Grains.Placement;
using Gpt2Cluster.Simulator.Silos;

namespace Gpt2Cluster.Simulator.Disk;

/// <summary>What lies on a silo's disk, as others reach it.</summary>
internal sealed class SimulatedModelStore(SimulatedCluster cluster, Silo silo) : IModelStore
{
    private readonly LongWork<CopyAnswer> copies = new(silo.Time);

    /// <inheritdoc/>
    public Task<StoredModel[]> List() => Task.FromResult<StoredModel[]>([]);

    /// <inheritdoc/>
    public Task<StoredFile[]> Files(string relativeFolder) => Task.FromResult<StoredFile[]>(
    [
        .. (silo.Checkpoints.Disk.Find(relativeFolder) ?? [])
            .Select(file => new StoredFile($"{relativeFolder}/{file.Key}", file.Value.Bytes.Length)),
    ]);

    /// <inheritdoc/>
    public Task<byte[]> Read(string relativePath, long start, int count)
    {
        var parts = relativePath.Split('/');
        var file = silo.Checkpoints.Disk.Find(parts[0])?.GetValueOrDefault(parts[1]);
        return file is null
            ? Task.FromException<byte[]>(new FileNotFoundException(relativePath))
            : Task.FromResult(file.Bytes);
    }

    /// <inheritdoc/>
    public Task<HashAnswer> Hash(string relativePath) => throw new NotSupportedException();

    /// <inheritdoc/>
    public Task<DatasetDescription?> Dataset(string hash) => throw new NotSupportedException();

    /// <inheritdoc/>
    public Task<bool> UseDataset(string hash, RunName? run, string? life) => Task.FromResult(true);

    /// <inheritdoc/>
    public Task<FoundDataset> FindDataset(string contentSha256, string? vocabulary) =>
        throw new NotSupportedException();

    /// <inheritdoc/>
    public Task<CopyAnswer> Bring(
        string relativeFolder, SiloName fromSilo, string? stateHash, string[]? deletedLives)
    {
        // The coordinator names it as a real store would; this one keeps one run's only.
        var folder = relativeFolder.Split('/')[^1];
        if (stateHash is not null)
            silo.Checkpoints.SetOthersAside(long.Parse(folder, CultureInfo.InvariantCulture), stateHash);
        return silo.Checkpoints.Disk.Find(folder) is not null
            ? Task.FromResult(new CopyAnswer(CopyOutcome.IsHere))
            : copies.Ask(folder, () => Copy(folder, fromSilo), new CopyAnswer(CopyOutcome.IsUnderWay));
    }

    private async Task<CopyAnswer> Copy(string relativeFolder, SiloName fromSilo)
    {
        var disk = silo.Checkpoints.Disk;
        var hidden = $".{relativeFolder}.{cluster.NextConnection()}.copy";
        try
        {
            var peer = silo.Grains.Store(fromSilo);
            var files = await peer.Files(relativeFolder);
            if (files.Length == 0)
                return new CopyAnswer(CopyOutcome.IsNotThere);
            foreach (var file in files)
                disk.Write(hidden, file.RelativePath.Split('/')[1], await peer.Read(file.RelativePath, 0, 0));
        }
        catch (Exception problem) when (problem is OrleansException or TimeoutException or IOException)
        {
            disk.Remove(hidden);
            return new CopyAnswer(CopyOutcome.Failed, problem.Message);
        }

        await disk.Answer(silo);
        disk.FlushFiles(hidden);
        disk.Rename(hidden, relativeFolder);
        disk.FlushNames();
        return new CopyAnswer(CopyOutcome.IsHere);
    }

    /// <inheritdoc/>
    public Task<FoundCheckpoint[]> Checkpoints(RunName run) =>
        Task.FromResult<FoundCheckpoint[]>([.. silo.Checkpoints.List()]);

    /// <inheritdoc/>
    public Task DeleteCheckpoints(RunName run, long[] kept, string[]? lives)
    {
        if (kept.Length > 0)
            silo.Checkpoints.DeleteAllBut(kept);
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public Task<RunOnDisk[]> RunSizes() => throw new NotSupportedException();

    /// <inheritdoc/>
    public Task<RemovalAnswer> RemoveRun(RunName run, string[] lives, CheckpointEntry[]? catalogue) =>
        throw new NotSupportedException();

    /// <inheritdoc/>
    public Task<ModelOnDisk?> ShowModel(string name) => throw new NotSupportedException();

    /// <inheritdoc/>
    public Task<RemovalAnswer> RemoveModel(string name) => throw new NotSupportedException();

    /// <inheritdoc/>
    public Task<PruneAnswer> Prune(bool isDryRun) => throw new NotSupportedException();
}
