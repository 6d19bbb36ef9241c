using System.Security.Cryptography;
using Gpt2Cluster.Contracts.Datasets;
using Gpt2Cluster.Contracts.Models;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Grains.Tests.Checkpoints;

namespace Gpt2Cluster.Grains.Tests.Models;

/// <summary>A silo's store without a silo around it.</summary>
internal sealed class DiskStore(StoredRuns runs) : IModelStore
{
    // Every other answer is that it is not done yet.
    private int hashCount;

    public Task<StoredFile[]> Files(string relativeFolder)
    {
        var folder = new DirectoryInfo(Path.Combine(runs.Silo.DataFolder, relativeFolder));
        return Task.FromResult<StoredFile[]>(folder.Exists
            ?
            [
                .. folder.GetFiles().OrderBy(file => file.Name, StringComparer.Ordinal)
                    .Select(file => new StoredFile($"{relativeFolder}/{file.Name}", file.Length)),
            ]
            : []);
    }

    public Task<byte[]> Read(string relativePath, long start, int count)
    {
        var bytes = File.ReadAllBytes(Path.Combine(runs.Silo.DataFolder, relativePath)).AsSpan((int)start);
        return Task.FromResult(bytes[..Math.Min(bytes.Length, Math.Min(count, Piece.MaximumBytes))].ToArray());
    }

    public Task<HashAnswer> Hash(string relativePath) => Task.FromResult(new HashAnswer(
        IsDone: ++hashCount % 2 == 0,
        Convert.ToHexStringLower(
            SHA256.HashData(File.ReadAllBytes(Path.Combine(runs.Silo.DataFolder, relativePath))))));

    public Task<StoredModel[]> List() => throw new NotSupportedException();

    public Task<DatasetDescription?> Dataset(string hash) => throw new NotSupportedException();

    public Task<bool> UseDataset(string hash, RunName? run, string? life) => throw new NotSupportedException();

    public Task<FoundDataset> FindDataset(string contentSha256, string? vocabulary) =>
        throw new NotSupportedException();

    public Task<CopyAnswer> Bring(
        string relativeFolder, SiloName fromSilo, string? stateHash, string[]? deletedLives) =>
        throw new NotSupportedException();

    public Task<FoundCheckpoint[]> Checkpoints(RunName run) => throw new NotSupportedException();

    public Task DeleteCheckpoints(RunName run, long[] kept, string[]? lives) =>
        throw new NotSupportedException();

    public Task<RunOnDisk[]> RunSizes() => throw new NotSupportedException();

    public Task<RemovalAnswer> RemoveRun(RunName run, string[] lives, CheckpointEntry[]? catalogue) =>
        throw new NotSupportedException();

    public Task<ModelOnDisk?> ShowModel(string name) => throw new NotSupportedException();

    public Task<RemovalAnswer> RemoveModel(string name) => throw new NotSupportedException();

    public Task<PruneAnswer> Prune(bool isDryRun) => throw new NotSupportedException();
}
