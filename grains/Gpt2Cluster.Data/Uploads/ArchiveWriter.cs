using System.Diagnostics.CodeAnalysis;
using System.Formats.Tar;
using System.Text.Json;

namespace Gpt2Cluster.Data.Uploads;

/// <summary>
/// Writes an <see cref="UploadArchive"/> as it goes. Nothing is written but by a call: one that is given up half way
/// leaves an archive without its end, which no reader takes for whole.
/// </summary>
[SuppressMessage(
    "Design", "CA1001:Types that own disposable fields should be disposable",
    Justification = "Disposing the writer would end an archive that was given up.")]
internal sealed class ArchiveWriter
{
    private readonly TarWriter tar;

    /// <summary>Begins an archive.</summary>
    /// <param name="output">Where to; need not be able to seek, stays open.</param>
    /// <param name="kind">What it brings.</param>
    public ArchiveWriter(Stream output, string kind)
    {
        tar = new TarWriter(output, TarEntryFormat.Gnu, leaveOpen: true);
        var head = new UploadArchive.Head(kind, UploadArchive.Version);
        Add(UploadArchive.HeadName, JsonSerializer.SerializeToUtf8Bytes(head, UploadArchive.Json));
    }

    /// <summary>Adds a member that is in memory.</summary>
    public void Add(string name, ReadOnlyMemory<byte> content)
    {
        using var stream = new MemoryStream(content.ToArray(), writable: false);
        Add(name, stream);
    }

    /// <summary>Adds a member of the length that a stream has now.</summary>
    public void Add(string name, Stream content)
    {
        // The same content gives the same bytes, whenever it is sent.
        var entry = new GnuTarEntry(TarEntryType.RegularFile, name)
        {
            DataStream = content,
            ModificationTime = DateTimeOffset.UnixEpoch,
        };
        tar.WriteEntry(entry);
    }

    /// <summary>Ends the archive.</summary>
    public void Complete() => tar.Dispose();
}
