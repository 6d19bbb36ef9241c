using Gpt2Cluster.Core;
using Gpt2Cluster.Data.Models.HuggingFace;

namespace Gpt2Cluster.Data.Uploads;

/// <summary>A model folder on its way to the cluster: its files, as they are.</summary>
public static class ModelUpload
{
    private const int PieceBytes = 1 << 20;

    /// <summary>Writes the files of a model folder that are there.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="output">Takes the archive; need not be able to seek, stays open.</param>
    /// <param name="progress">Told the bytes of files sent so far.</param>
    /// <param name="cancellation">Stops between pieces.</param>
    /// <exception cref="UserErrorException">A file was changed meanwhile; it is named.</exception>
    public static void Write(
        string folder, Stream output, IProgress<long>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(output);
        var archive = new ArchiveWriter(output, UploadArchive.Model);
        var done = 0L;
        foreach (var name in ModelFolder.FileNames.Where(name => File.Exists(Path.Combine(folder, name))))
        {
            var before = done;
            var path = Path.Combine(folder, name);
            var stamp = FileStamp.Of(path);
            using var file = new WatchedFile(path, copied =>
            {
                cancellation.ThrowIfCancellationRequested();
                progress?.Report(before + copied);
            });
            archive.Add(name, file);
            if (FileStamp.Change(path, stamp) is { } change)
                throw new UserErrorException(change);
            done += file.Length;
        }

        archive.Complete();
    }

    /// <summary>Writes the files of an archive into a folder that is there.</summary>
    /// <param name="archive">The archive, from its beginning; must be able to seek.</param>
    /// <param name="folder">The folder.</param>
    /// <exception cref="InvalidDataException">It is no such archive, is cut short, or names a file that a model does
    /// not have.</exception>
    public static void Read(Stream archive, string folder)
    {
        ArgumentNullException.ThrowIfNull(archive);
        using var reader = new ArchiveReader(archive, UploadArchive.Model);
        while (reader.Next() is { } member)
        {
            if (!ModelFolder.FileNames.Contains(member.Name, StringComparer.Ordinal))
                throw new InvalidDataException("it has a file that a model folder does not have");
            var path = Path.Combine(folder, member.Name);
            if (File.Exists(path))
                throw new InvalidDataException($"it has {member.Name} twice");
            using var file = new FileStream(path, FileMode.CreateNew, FileAccess.Write);
            member.Content.CopyTo(file);
        }
    }

    /// <summary>A file that is copied at the length it had when it was opened, and says how far it is.</summary>
    private sealed class WatchedFile(string path, Action<long> copied)
        : FileStream(path, FileMode.Open, FileAccess.Read)
    {
        private readonly long length = new FileInfo(path).Length;

        public override long Length => length;

        public override void CopyTo(Stream destination, int bufferSize)
        {
            var buffer = new byte[PieceBytes];
            for (var done = 0L; done < length;)
            {
                var count = Read(buffer, 0, (int)Math.Min(buffer.Length, length - done));
                if (count == 0)
                    throw new UserErrorException($"{Name} became shorter while it was sent; send it again.");
                destination.Write(buffer, 0, count);
                copied(done += count);
            }
        }
    }
}
