using Gpt2Cluster.Contracts.Datasets;
using Gpt2Cluster.Core.Checkpoints;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Threads;
using Gpt2Cluster.Data.Storage;

namespace Gpt2Cluster.Grains.Checkpoints;

/// <summary>The disk that the data folder lies on.</summary>
public sealed class DataDisk : IDataDisk
{
    /// <inheritdoc/>
    public Task<T> Run<T>(string name, Func<T> work) => DedicatedThread.Run(name, work);

    /// <inheritdoc/>
    public bool Exists(string folder) => Directory.Exists(folder);

    /// <inheritdoc/>
    public IReadOnlyList<string> FoldersIn(string folder) => Directory.Exists(folder)
        ? [.. new DirectoryInfo(folder).EnumerateDirectories().Select(found => found.Name)]
        : [];

    /// <inheritdoc/>
    public IReadOnlyList<(string Name, long Bytes)> FilesIn(string folder) => Directory.Exists(folder)
        ? [.. new DirectoryInfo(folder).EnumerateFiles().Select(found => (found.Name, found.Length))]
        : [];

    /// <inheritdoc/>
    public Stream OpenRead(string file) => new FileStream(
        file, FileMode.Open, FileAccess.Read, FileShare.Read, Piece.MaximumBytes, FileOptions.Asynchronous);

    /// <inheritdoc/>
    public Stream Create(string file) => new FileStream(file, FileMode.CreateNew, FileAccess.Write);

    /// <inheritdoc/>
    public void Move(string folder, string target) => Directory.Move(folder, target);

    /// <inheritdoc/>
    public void Remove(string folder)
    {
        if (Directory.Exists(folder))
            Directory.Delete(folder, recursive: true);
    }

    /// <inheritdoc/>
    public IStagedFolder Stage(string target) => new StagedFolder(target);

    /// <inheritdoc/>
    public (CheckpointFile File, byte[] PieceHashes) WritePart(
        string folder, IReplicaSnapshot snapshot, ReplicaPart part, ParameterLayout layout) =>
        CheckpointFiles.Write(folder, snapshot, part, layout);

    /// <inheritdoc/>
    public ICheckpointPart OpenPart(string folder, ReplicaPart part, ParameterLayout layout) =>
        CheckpointFiles.Open(folder, part, layout);
}
