using System.IO.Compression;

namespace Gpt2Cluster.Fuzz.Mutations;

/// <summary>A sound file that mutations begin with.</summary>
/// <param name="bytes">The file.</param>
/// <param name="head">Edits strike this many bytes at its beginning only; 0: all of it.</param>
internal class Seed(byte[] bytes, int head = 0)
{
    /// <summary>The file.</summary>
    public byte[] Bytes { get; } = bytes;

    /// <summary>The file, damaged.</summary>
    /// <param name="edit">Damages bytes.</param>
    /// <param name="random">What it chooses by.</param>
    public virtual byte[] Damaged(Func<byte[], byte[]> edit, MutationRandom random)
    {
        if (head == 0 || head >= Bytes.Length || random.OneIn(8))
            return edit([.. Bytes]);
        return [.. edit(Bytes[..head]), .. Bytes.AsSpan(head)];
    }
}

/// <summary>
/// A zip archive: half of the mutations strike one of its members, which is put back, so that what is inside is
/// reached; the others strike the archive itself.
/// </summary>
internal sealed class ArchiveSeed : Seed
{
    private readonly List<(string Name, byte[] Content)> members = [];

    /// <summary>An archive, of which the members are kept as they are, or put in without compression.</summary>
    public ArchiveSeed(byte[] archive)
        : base(Stored(archive))
    {
        using var zip = new ZipArchive(new MemoryStream(archive), ZipArchiveMode.Read);
        members.AddRange(zip.Entries.Select(entry => (entry.FullName, Content(entry))));
    }

    /// <inheritdoc/>
    public override byte[] Damaged(Func<byte[], byte[]> edit, MutationRandom random)
    {
        if (random.OneIn(2))
            return base.Damaged(edit, random);
        var struck = random.Below(members.Count);
        return Zip(members.Select((member, index) =>
            (member.Name, index == struck && member.Content.Length > 0 ? edit([.. member.Content]) : member.Content)));
    }

    private static byte[] Stored(byte[] archive)
    {
        using var zip = new ZipArchive(new MemoryStream(archive), ZipArchiveMode.Read);
        return Zip(zip.Entries.Select(entry => (entry.FullName, Content(entry))));
    }

    private static byte[] Content(ZipArchiveEntry entry)
    {
        using var stream = entry.Open();
        using var content = new MemoryStream();
        stream.CopyTo(content);
        return content.ToArray();
    }

    private static byte[] Zip(IEnumerable<(string Name, byte[] Content)> members)
    {
        using var file = new MemoryStream();
        using (var archive = new ZipArchive(file, ZipArchiveMode.Create, leaveOpen: true))
        {
            foreach (var (name, content) in members)
            {
                var entry = archive.CreateEntry(name, CompressionLevel.NoCompression);
                entry.LastWriteTime = new DateTimeOffset(2000, 1, 1, 0, 0, 0, TimeSpan.Zero);
                using var stream = entry.Open();
                stream.Write(content);
            }
        }

        return file.ToArray();
    }
}
