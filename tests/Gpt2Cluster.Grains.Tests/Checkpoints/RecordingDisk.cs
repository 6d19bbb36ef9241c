using Gpt2Cluster.Core.Checkpoints;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Grains.Checkpoints;

namespace Gpt2Cluster.Grains.Tests.Checkpoints;

/// <summary>The process of a script was killed: nothing of it happens any more.</summary>
internal sealed class KilledException : Exception;

/// <summary>The real disk, in words: what is asked of it that changes something, or reads a checkpoint.</summary>
internal sealed class RecordingDisk : IDataDisk
{
    private readonly DataDisk disk = new();
    private readonly List<string> said = [];
    private string? killedAt;
    private bool isKilled;

    /// <summary>Whether it takes no more bytes.</summary>
    public bool IsFull { get; set; }

    /// <summary>What was done since this was asked last.</summary>
    public IReadOnlyList<string> TakeWords()
    {
        string[] words = [.. said];
        said.Clear();
        return words;
    }

    /// <summary>The process ends in place of what is said in words that begin like these.</summary>
    public void KillAt(string words) => killedAt = words;

    /// <summary>Another process.</summary>
    public void Start() => (killedAt, isKilled) = (null, false);

    public async Task<T> Run<T>(string name, Func<T> work) => await disk.Run(name, work);

    public bool Exists(string folder) => disk.Exists(folder);

    public IReadOnlyList<string> FoldersIn(string folder) => disk.FoldersIn(folder);

    public IReadOnlyList<(string Name, long Bytes)> FilesIn(string folder) => disk.FilesIn(folder);

    public Stream OpenRead(string file)
    {
        Say($"read {NameOf(Path.GetDirectoryName(file)!)}: {Path.GetFileName(file)}");
        return disk.OpenRead(file);
    }

    public Stream Create(string file)
    {
        Write(Path.GetFileName(file));
        return disk.Create(file);
    }

    public void Move(string folder, string target)
    {
        Say($"rename {NameOf(folder)} to {NameOf(target)}");
        disk.Move(folder, target);
    }

    public void Remove(string folder)
    {
        if (disk.Exists(folder))
            Say($"remove {NameOf(folder)}");
        disk.Remove(folder);
    }

    public IStagedFolder Stage(string target)
    {
        Say($"make a hidden folder");
        return new Staged(this, disk.Stage(target), NameOf(target));
    }

    public (CheckpointFile File, byte[] PieceHashes) WritePart(
        string folder, IReplicaSnapshot snapshot, ReplicaPart part, ParameterLayout layout)
    {
        Write(CheckpointFiles.NameOf(part));
        return disk.WritePart(folder, snapshot, part, layout);
    }

    public ICheckpointPart OpenPart(string folder, ReplicaPart part, ParameterLayout layout)
    {
        Say($"read {NameOf(folder)}: {CheckpointFiles.NameOf(part)}");
        return disk.OpenPart(folder, part, layout);
    }

    private static string NameOf(string folder) =>
        Path.GetFileName(folder) is ['0', ..] name ? name.TrimStart('0') : "it";

    private void Write(string file)
    {
        Say($"write {file} in it");
        if (IsFull)
            throw new IOException("no space left on device");
    }

    private void Say(string words)
    {
        isKilled = isKilled || (killedAt is not null && words.StartsWith(killedAt, StringComparison.Ordinal));
        if (isKilled)
            throw new KilledException();
        said.Add(words);
    }

    private sealed class Staged(RecordingDisk disk, IStagedFolder staged, string name) : IStagedFolder
    {
        private bool isPublished;

        public string Path => staged.Path;

        public void Flush()
        {
            disk.Say("flush its files");
            staged.Flush();
        }

        public void Publish()
        {
            disk.Say($"rename it to {name}, and flush the name");
            staged.Publish();
            isPublished = true;
        }

        public void Dispose()
        {
            if (disk.isKilled)
                return;
            if (!isPublished)
                disk.Say("remove it");
            staged.Dispose();
        }
    }
}
