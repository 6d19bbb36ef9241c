using Gpt2Cluster.Core.Checkpoints;
using Gpt2Cluster.Core.Housekeeping;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Data.Storage;

namespace Gpt2Cluster.Grains.Checkpoints;

/// <content>Whose checkpoints lie here, and the end of those whose run people have deleted.</content>
public partial class CheckpointStore
{
    private string RunsFolder => Path.Combine(silo.DataFolder, "runs");

    /// <summary>The names of the runs that have a folder here.</summary>
    public IReadOnlyList<RunName> Runs() => Directory.Exists(RunsFolder)
        ? [.. Directory.EnumerateDirectories(RunsFolder)
            .Select(path => Path.GetFileName(path))
            .Where(name => RunName.Error(name) is null)
            .Order(StringComparer.Ordinal)
            .Select(RunName.Parse)]
        : [];

    /// <summary>
    /// All that lies here of a run: checkpoints, those that did not verify, those that make room for others. What is
    /// being written is not among it.
    /// </summary>
    public IReadOnlyList<StoredThing> Things(RunName run)
    {
        var folder = Path.Combine(silo.DataFolder, RelativeFolderOf(run));
        return Directory.Exists(folder)
            ? [.. Directory.EnumerateDirectories(folder)
                .Where(path => !Path.GetFileName(path).StartsWith('.'))
                .Order(StringComparer.Ordinal)
                .Select(path => Thing(run, path))]
            : [];
    }

    /// <summary>Where a run's checkpoints lie here and whose they are, as far as their manifests can be read.</summary>
    internal IEnumerable<(string Path, RunRecord Record)> Records(RunName run) =>
        from thing in Things(run)
        let manifest = TryReadAt(thing.Path)
        where manifest is not null
        select (thing.Path, manifest.Record);

    /// <summary>Removes one of them, if it still is of that life.</summary>
    /// <returns>Whether it was removed now.</returns>
    /// <exception cref="IOException">It cannot be removed.</exception>
    public bool Remove(StoredThing checkpoint)
    {
        ArgumentNullException.ThrowIfNull(checkpoint);
        return RemovedFolder.Remove(checkpoint.Path, moved =>
        {
            var (manifest, isUnreadable) = ReadAt(moved);
            return !isUnreadable && manifest?.Record.Life == checkpoint.Life;
        });
    }

    /// <summary>Removes the checkpoints of lives of a run's name that are over.</summary>
    /// <param name="run">The name.</param>
    /// <param name="lives">Those lives.</param>
    /// <param name="isNameFree">
    /// Whether no other run has the name, so that what cannot be read was a checkpoint of theirs, too.
    /// </param>
    /// <returns>The bytes that were freed.</returns>
    /// <exception cref="IOException">Something cannot be removed.</exception>
    public long RemoveLives(RunName run, IReadOnlyCollection<string> lives, bool isNameFree)
    {
        var named = new NamedThings(
            isNameFree ? new HashSet<string>() : new HashSet<string> { run.ToString() },
            new HashSet<string>(),
            [new DeletedRun(run.ToString(), lives)]);
        var dead = Things(run)
            .Where(thing => !thing.IsUnreadable && Unused.IsDeleted(run.ToString(), thing.Life, named)).ToList();
        var bytes = dead.Where(Remove).Sum(thing => thing.Bytes);
        if (isNameFree)
            RemoveEmptyFolder(run);
        return bytes;
    }

    /// <summary>
    /// Removes checkpoints of a run of before lives had names: those that it named as its own, and no others of the
    /// name.
    /// </summary>
    /// <param name="run">The run's name.</param>
    /// <param name="catalogue">The checkpoints that it named: their steps and state hashes.</param>
    /// <returns>The bytes that were freed.</returns>
    /// <exception cref="IOException">Something cannot be removed.</exception>
    public long RemoveUnnamed(RunName run, IEnumerable<CheckpointEntry> catalogue)
    {
        ArgumentNullException.ThrowIfNull(catalogue);
        var freed = 0L;
        foreach (var entry in catalogue)
        {
            var folder = FolderOf(run, entry.Step);
            var bytes = RemovedFolder.BytesOf(folder);
            if (IsIt(folder) && RemovedFolder.Remove(folder, IsIt))
                freed += bytes;

            bool IsIt(string place) => TryReadAt(place) is { } manifest
                && manifest.Record.Life == RunRecord.UnnamedLife
                && manifest.StateHash == entry.StateHash;
        }

        return freed;
    }

    /// <summary>
    /// Whether a checkpoint was written by other lives than these, or nobody can say: another run may have the name by
    /// now. One without a manifest is the rest of one that was being deleted.
    /// </summary>
    private bool IsOfOthers(string folder, IReadOnlyCollection<string> lives)
    {
        var (manifest, isUnreadable) = ReadAt(folder);
        try
        {
            return isUnreadable || (manifest is null
                ? disk.FilesIn(folder).Any(file => file.Name == CheckpointManifest.FileName)
                : !lives.Contains(manifest.Record.Life));
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            return true;
        }
    }

    /// <summary>Removes a run's folder if there is nothing in it.</summary>
    public void RemoveEmptyFolder(RunName run)
    {
        var folder = Path.Combine(silo.DataFolder, RelativeFolderOf(run));
        try
        {
            Directory.Delete(folder);
            Directory.Delete(Path.GetDirectoryName(folder)!);
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            // Something is in it, or it is not there.
        }
    }

    private StoredThing Thing(RunName run, string path)
    {
        var (manifest, isUnreadable) = ReadAt(path);
        return new StoredThing(
            ThingKind.Checkpoint,
            $"{run}/{Path.GetFileName(path)}",
            path,
            RemovedFolder.BytesOf(path),
            new DateTimeOffset(Directory.GetLastWriteTimeUtc(path)))
        {
            Run = run.ToString(),
            Life = manifest?.Record.Life,
            IsUnreadable = isUnreadable,
            Datasets = manifest is null ? [] : [.. manifest.Record.Specification.DatasetHashes()],
        };
    }

    private CheckpointManifest? TryReadAt(string folder) => ReadAt(folder).Manifest;

    /// <returns>
    /// The manifest; null if there is none, or it is damaged, or <c>IsUnreadable</c>: then it may be sound.
    /// </returns>
    private (CheckpointManifest? Manifest, bool IsUnreadable) ReadAt(string folder)
    {
        string text;
        try
        {
            text = disk.ReadText(Path.Combine(folder, CheckpointManifest.FileName));
        }
        catch (Exception problem) when (problem is FileNotFoundException or DirectoryNotFoundException)
        {
            return (null, IsUnreadable: false);
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            return (null, IsUnreadable: true);
        }

        try
        {
            return (CheckpointManifest.Read(text), IsUnreadable: false);
        }
        catch (InvalidDataException)
        {
            return (null, CheckpointManifest.IsOfOtherFormat(text));
        }
    }
}
