using Gpt2Cluster.Core.Housekeeping;
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
    /// <summary>Everything, in a fixed order.</summary>
    public IReadOnlyList<StoredThing> List() =>
    [
        .. Uploads(), .. Datasets(), .. checkpoints.Runs().SelectMany(checkpoints.Things), .. Downloads(), .. Remains(),
    ];

    private IEnumerable<StoredThing> Uploads() =>
        from folder in FoldersIn("silos")
        from spool in FilesIn(Path.Combine(folder, "uploads"), "*.spool")
        select new StoredThing(
            ThingKind.Upload, Path.GetFileName(spool), spool, new FileInfo(spool).Length, WrittenAt(spool))
        {
            IsInUse = IsOpen(spool),
        };

    private IEnumerable<StoredThing> Datasets() =>
        from hash in datasets.List()
        let usedAt = datasets.UsedAt(hash)
        where usedAt is not null
        let path = Path.Combine(datasets.Root, hash)
        select new StoredThing(ThingKind.Dataset, hash, path, RemovedFolder.BytesOf(path), usedAt.Value)
        {
            NamedBy = datasets.NamedBy(hash),
        };

    private IEnumerable<StoredThing> Downloads() =>
        from folder in FoldersIn("models", ".*.download")
        select new StoredThing(
            ThingKind.Download, Path.GetFileName(folder), folder, RemovedFolder.BytesOf(folder), NewestIn(folder));

    private IEnumerable<StoredThing> Remains() =>
        from parent in FoldersIn("runs").Select(run => Path.Combine(run, CheckpointStore.CheckpointsFolder))
            .Prepend(Path.Combine(silo.DataFolder, "datasets"))
            .Prepend(Path.Combine(silo.DataFolder, "models"))
            .Prepend(Path.Combine(silo.DataFolder, VocabularyDirectory.FolderName))
        from folder in StagedFolder.In(parent)
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
        return Directory.Exists(folder) ? Directory.GetDirectories(folder, pattern).Order(StringComparer.Ordinal) : [];
    }

    private static IEnumerable<string> FilesIn(string folder, string pattern) =>
        Directory.Exists(folder) ? Directory.GetFiles(folder, pattern).Order(StringComparer.Ordinal) : [];

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
