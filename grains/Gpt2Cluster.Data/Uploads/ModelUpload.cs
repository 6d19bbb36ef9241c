using Gpt2Cluster.Core;
using Gpt2Cluster.Data.Models;
using Gpt2Cluster.Data.Models.HuggingFace;

namespace Gpt2Cluster.Data.Uploads;

/// <summary>A model on its way to the cluster: the files it will have in the store.</summary>
public static class ModelUpload
{
    private const int PieceBytes = 1 << 20;

    /// <summary>Writes the files of a model.</summary>
    /// <param name="files">The files.</param>
    /// <param name="output">Takes the archive; need not be able to seek, stays open.</param>
    /// <param name="progress">Told the bytes of files sent so far.</param>
    /// <param name="cancellation">Stops between pieces.</param>
    /// <exception cref="UserErrorException">A file was changed meanwhile; it is named.</exception>
    public static void Write(
        IReadOnlyList<ModelFile> files,
        Stream output,
        IProgress<long>? progress = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(files);
        ArgumentNullException.ThrowIfNull(output);
        var archive = new ArchiveWriter(output, UploadArchive.Model);
        var done = 0L;
        foreach (var file in files)
        {
            var before = done;
            var stamps = file.Sources.Select(path => (Path: path, Stamp: FileStamp.Of(path))).ToList();
            using var content = new WatchedStream(file, copied =>
            {
                cancellation.ThrowIfCancellationRequested();
                progress?.Report(before + copied);
            });
            archive.Add(file.Name, content);
            var change = stamps.Select(one => FileStamp.Change(one.Path, one.Path, one.Stamp))
                .FirstOrDefault(change => change is not null);
            if (change is not null)
                throw new UserErrorException(change);
            done += content.Length;
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
    private sealed class WatchedStream : Stream
    {
        private readonly string name;
        private readonly Action<long> copied;
        private readonly Stream content;
        private readonly long length;

        public WatchedStream(ModelFile file, Action<long> copied)
        {
            name = file.Name;
            this.copied = copied;
            content = file.Open();
            length = content.Length;
        }

        public override bool CanRead => true;

        // An archive asks streams that cannot seek for all they have before it writes a member's length.
        public override bool CanSeek => true;

        public override bool CanWrite => false;

        public override long Length => length;

        public override long Position
        {
            get => content.Position;
            set => content.Position = value;
        }

        public override void CopyTo(Stream destination, int bufferSize)
        {
            var buffer = new byte[PieceBytes];
            for (var done = 0L; done < length;)
            {
                var count = Read(buffer, 0, (int)Math.Min(buffer.Length, length - done));
                if (count == 0)
                    throw new UserErrorException($"{name} became shorter while it was sent; send it again.");
                destination.Write(buffer, 0, count);
                copied(done += count);
            }
        }

        public override int Read(byte[] buffer, int offset, int count) => content.Read(buffer, offset, count);

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => content.Seek(offset, origin);

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            content.Dispose();
            base.Dispose(disposing);
        }
    }
}
