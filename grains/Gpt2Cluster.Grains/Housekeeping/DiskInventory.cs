using Gpt2Cluster.Core.Housekeeping;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Data.Datasets;
using Gpt2Cluster.Data.Models;
using Gpt2Cluster.Data.Storage;
using Gpt2Cluster.Grains.Checkpoints;
using Gpt2Cluster.Grains.Placement;

namespace Gpt2Cluster.Grains.Housekeeping;

/// <summary>
/// What lies in the data folder and may come to be of no use. Models are not among it: people have put them there, and
/// take them away. Blocks: call it on a thread of its own.
/// </summary>
/// <param name="silo">Knows the data folder.</param>
/// <param name="datasets">The datasets in it.</param>
/// <param name="checkpoints">The checkpoints in it.</param>
public sealed class DiskInventory(SiloContext silo, DatasetDirectory datasets, CheckpointStore checkpoints)
{
    /// <summary>
    /// Everything, in a fixed order, but what cannot be looked at now: that stays where it is. A run whose checkpoints
    /// cannot be listed is among it as one that cannot be read.
    /// </summary>
    public IReadOnlyList<StoredThing> List() =>
    [
        .. Uploads(), .. Datasets(), .. Checkpoints(), .. Downloads(), .. Remains(),
    ];

    private IEnumerable<StoredThing> Uploads() =>
        from folder in FoldersIn("silos")
        from spool in Guarded(() => FilesIn(Path.Combine(folder, "uploads"), "*.spool"))
        from thing in Guarded<StoredThing>(() => [Upload(spool)])
        select thing;

    private static StoredThing Upload(string spool) => new(
        ThingKind.Upload, Path.GetFileName(spool), spool, new FileInfo(spool).Length, WrittenAt(spool))
    {
        IsInUse = IsOpen(spool),
    };

    private IEnumerable<StoredThing> Datasets() =>
        from hash in Guarded(datasets.List)
        from thing in Guarded(() => Dataset(hash))
        select thing;

    private IReadOnlyList<StoredThing> Dataset(string hash)
    {
        if (datasets.UsedAt(hash) is not { } usedAt)
            return [];
        var path = Path.Combine(datasets.Root, hash);
        return
        [
            new StoredThing(ThingKind.Dataset, hash, path, RemovedFolder.BytesOf(path), usedAt)
            {
                NamedBy = datasets.NamedBy(hash),
            },
        ];
    }

    private IEnumerable<StoredThing> Checkpoints()
    {
        var root = Path.Combine(silo.DataFolder, "runs");
        return from run in Guarded<RunName?>(() => [.. checkpoints.Runs()], () => [null])
               let path = Path.Combine(root, $"{run}")
               from thing in run is { } known
                   ? Guarded(() => checkpoints.Things(known), () => [Unreadable($"{run}", path)])
                   : [Unreadable("", path)]
               select thing;
    }

    /// <summary>What a run has here, of which nobody can say what it is.</summary>
    private static StoredThing Unreadable(string run, string path) =>
        new(ThingKind.Checkpoint, run, path, 0, DateTimeOffset.MaxValue) { Run = run, IsUnreadable = true };

    private IEnumerable<StoredThing> Downloads() =>
        from folder in FoldersIn("models", ".*.download")
        select new StoredThing(
            ThingKind.Download, Path.GetFileName(folder), folder, RemovedFolder.BytesOf(folder), NewestIn(folder));

    private IEnumerable<StoredThing> Remains() =>
        from parent in FoldersIn("runs").Select(run => Path.Combine(run, CheckpointStore.CheckpointsFolder))
            .Prepend(Path.Combine(silo.DataFolder, "datasets"))
            .Prepend(Path.Combine(silo.DataFolder, "models"))
            .Prepend(Path.Combine(silo.DataFolder, VocabularyDirectory.FolderName))
        from folder in Guarded(() => StagedFolder.In(parent))
        select new StoredThing(
            ThingKind.Remains,
            Path.GetRelativePath(silo.DataFolder, folder),
            folder,
            RemovedFolder.BytesOf(folder),
            NewestIn(folder))
        {
            IsInUse = StagedFolder.IsInUse(folder),
        };

    private IEnumerable<string> FoldersIn(string name, string pattern = "*")
    {
        var folder = Path.Combine(silo.DataFolder, name);
        return Guarded<string>(() => Directory.Exists(folder)
            ? [.. Directory.GetDirectories(folder, pattern).Order(StringComparer.Ordinal)]
            : []);
    }

    private static IReadOnlyList<string> FilesIn(string folder, string pattern) =>
        Directory.Exists(folder) ? [.. Directory.GetFiles(folder, pattern).Order(StringComparer.Ordinal)] : [];

    /// <summary>
    /// What is found, nothing if it has gone meanwhile, and something else if the disk does not say what is there.
    /// </summary>
    private static IReadOnlyList<T> Guarded<T>(
        Func<IReadOnlyList<T>> find, Func<IReadOnlyList<T>>? otherwise = null)
    {
        try
        {
            return find();
        }
        catch (Exception problem) when (problem is FileNotFoundException or DirectoryNotFoundException)
        {
            return [];
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            return otherwise?.Invoke() ?? [];
        }
    }

    /// <summary>When anything in a folder was written last.</summary>
    private static DateTimeOffset NewestIn(string folder)
    {
        try
        {
            return new DirectoryInfo(folder).EnumerateFileSystemInfos("*", SearchOption.AllDirectories)
                .Select(entry => new DateTimeOffset(entry.LastWriteTimeUtc))
                .Append(WrittenAt(folder))
                .Max();
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            // What is there is being changed.
            return DateTimeOffset.MaxValue;
        }
    }

    private static DateTimeOffset WrittenAt(string path) => new(File.GetLastWriteTimeUtc(path));

    /// <summary>Whoever writes or reads an upload has the file open.</summary>
    private static bool IsOpen(string path)
    {
        try
        {
            new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.None).Dispose();
            return false;
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            return true;
        }
    }
}
