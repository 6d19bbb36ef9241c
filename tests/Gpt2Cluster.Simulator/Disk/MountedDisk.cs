using System.Runtime.InteropServices;
using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Checkpoints;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Grains.Checkpoints;

namespace Gpt2Cluster.Simulator.Disk;

/// <summary>
/// A <see cref="SimulatedDisk"/> as a silo's process sees it. A checkpoint's part is a file of its elements alone.
/// </summary>
/// <param name="disk">The disk.</param>
/// <param name="elementCount">Elements of a part.</param>
/// <param name="wait">Passes the time that a piece of work takes.</param>
internal sealed class MountedDisk(SimulatedDisk disk, int elementCount, Func<Task> wait) : IDataDisk
{
    /// <inheritdoc/>
    public async Task<T> Run<T>(string name, Func<T> work)
    {
        await wait();
        return work();
    }

    /// <inheritdoc/>
    public bool Exists(string folder) => disk.Find(folder) is not null;

    /// <inheritdoc/>
    public IReadOnlyList<string> FoldersIn(string folder) =>
        [.. disk.Folders.Where(path => Path.GetDirectoryName(path) == folder).Select(path => Path.GetFileName(path)!)];

    /// <inheritdoc/>
    public IReadOnlyList<(string Name, long Bytes)> FilesIn(string folder) =>
        [.. (disk.Find(folder) ?? []).Select(file => (file.Key, (long)file.Value.Bytes.Length))];

    /// <inheritdoc/>
    public Stream OpenRead(string file) => new MemoryStream(disk.Read(file), writable: false);

    /// <inheritdoc/>
    public Stream Create(string file) => new NewFile(disk, file);

    /// <inheritdoc/>
    public void Move(string folder, string target) => disk.Rename(folder, target);

    /// <inheritdoc/>
    public void Remove(string folder) => disk.Remove(folder);

    /// <inheritdoc/>
    public IStagedFolder Stage(string target) => new Staged(disk, disk.MakeHidden(target), target);

    /// <inheritdoc/>
    public (CheckpointFile File, byte[] PieceHashes) WritePart(
        string folder, IReplicaSnapshot snapshot, ReplicaPart part, ParameterLayout layout)
    {
        var elements = snapshot.Read(part, 0, elementCount);
        var bytes = MemoryMarshal.AsBytes(elements).ToArray();
        var name = CheckpointFiles.NameOf(part);
        disk.Write($"{folder}/{name}", bytes);
        var hash = new byte[StateHash.PieceHashBytes];
        StateHash.HashPiece(elements, hash);
        return (new CheckpointFile(name, bytes.Length, Convert.ToHexStringLower(hash)), hash);
    }

    /// <inheritdoc/>
    public ICheckpointPart OpenPart(string folder, ReplicaPart part, ParameterLayout layout)
    {
        var path = $"{folder}/{CheckpointFiles.NameOf(part)}";
        var bytes = disk.Read(path);
        return bytes.Length == elementCount * sizeof(float)
            ? new PartFile(path, bytes)
            : throw new InvalidDataException($"{path} has {bytes.Length} bytes");
    }

    private sealed class PartFile(string path, byte[] bytes) : ICheckpointPart
    {
        public string Path => path;

        public long Length => bytes.Length / sizeof(float);

        public void Read(long start, Span<float> into) =>
            MemoryMarshal.Cast<byte, float>(bytes).Slice((int)start, into.Length).CopyTo(into);

        public void Dispose()
        {
        }
    }

    private sealed class NewFile(SimulatedDisk disk, string path) : MemoryStream
    {
        private bool isClosed;

        protected override void Dispose(bool disposing)
        {
            if (!isClosed)
                disk.Write(path, ToArray());
            isClosed = true;
            base.Dispose(disposing);
        }
    }

    private sealed class Staged(SimulatedDisk disk, string path, string target) : IStagedFolder
    {
        public string Path => path;

        public void Flush() => disk.FlushFiles(path);

        public void Publish()
        {
            if (disk.Find(target) is not null)
                throw new UserErrorException($"{target} exists already.");
            disk.Rename(path, target);
            disk.FlushNames();
        }

        public void Dispose() => disk.Remove(path);
    }
}
