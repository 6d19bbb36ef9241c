using System.Formats.Tar;
using System.Text.Json;

namespace Gpt2Cluster.Data.Uploads;

/// <summary>
/// Reads an <see cref="UploadArchive"/> member by member, in memory that does not depend on what it claims. It holds
/// what a client says, so everything is checked: members are plain files with relative names, and the archive has
/// its end and nothing behind it.
/// </summary>
internal sealed class ArchiveReader : IDisposable
{
    // Of a header (POSIX.1-1988, ustar): the type of the member; a plain file has '0', or NUL in older archives.
    private const int TypeAt = 156;
    private const int EndBlocks = 2;

    private readonly Stream archive;
    private readonly TarReader tar;
    private readonly byte[] block = new byte[UploadArchive.BlockBytes];
    private long next;

    /// <summary>Opens an archive and reads its first member.</summary>
    /// <param name="archive">The bytes, from their beginning; must be able to seek, stays open.</param>
    /// <param name="kind">What it must bring.</param>
    /// <exception cref="InvalidDataException">It is no archive, or of another kind or version.</exception>
    public ArchiveReader(Stream archive, string kind)
    {
        this.archive = archive;
        tar = new TarReader(archive, leaveOpen: true);
        if (ReadBlock(0) > 0 && block.AsSpan().StartsWith(UploadArchive.FormerMagic))
            throw new InvalidDataException("an older client has sent it; use the client of this silo's version");
        if (Next() is not { Name: UploadArchive.HeadName, Length: <= UploadArchive.LongestHeadBytes } first)
            throw new InvalidDataException($"it does not begin with a short {UploadArchive.HeadName}");
        var head = ReadHead(first);
        if (head.Version != UploadArchive.Version)
        {
            throw new InvalidDataException($"it has the form of version {head.Version}, this silo reads "
                + $"{UploadArchive.Version}; use client and silos of the same version");
        }

        if (head.Kind != kind)
            throw new InvalidDataException($"it brings a {head.Kind}, not a {kind}");
    }

    /// <summary>The next member, readable until the one after it is asked for; null at the end.</summary>
    /// <exception cref="InvalidDataException">What comes is no plain file, has a bad name, or is cut short.</exception>
    public ArchiveMember? Next()
    {
        if (IsAtEnd())
            return null;
        // Looked at before the header is parsed: links, devices and headers of any length are never taken in.
        if (block[TypeAt] is not ((byte)'0' or 0))
            throw new InvalidDataException($"it has a member of the type 0x{block[TypeAt]:X2}, which is no plain file");
        var entry = ReadEntry() ?? throw new InvalidDataException($"it is no tar archive at byte {next}");
        var end = entry.DataOffset + entry.Length;
        if (!IsPlain(entry.Name))
            throw new InvalidDataException($"it has the name \"{entry.Name}\", which is no plain relative one");
        next = (end + UploadArchive.BlockBytes - 1) / UploadArchive.BlockBytes * UploadArchive.BlockBytes;
        if (end < 0 || next > archive.Length)
            throw new InvalidDataException($"it is cut short in {entry.Name}");
        return new ArchiveMember(entry.Name, entry.Length, entry.DataStream ?? Stream.Null);
    }

    /// <inheritdoc/>
    public void Dispose() => tar.Dispose();

    private static UploadArchive.Head ReadHead(ArchiveMember member)
    {
        try
        {
            if (JsonSerializer.Deserialize<UploadArchive.Head>(member.Content, UploadArchive.Json) is { } head)
                return head;
        }
        catch (JsonException error)
        {
            throw new InvalidDataException($"its {UploadArchive.HeadName} is not valid JSON", error);
        }

        throw new InvalidDataException($"its {UploadArchive.HeadName} says nothing");
    }

    private static bool IsPlain(string name) =>
        name.Length > 0 && !Path.IsPathRooted(name) && !name.Contains('\\') && !name.Contains('\0')
        && name.Split('/').All(part => part is not ("" or "." or ".."));

    private TarEntry? ReadEntry()
    {
        try
        {
            return tar.GetNextEntry();
        }
        catch (Exception error) when (error is EndOfStreamException or FormatException or ArgumentException
            or InvalidOperationException or OverflowException or NotSupportedException)
        {
            throw new InvalidDataException($"it is no tar archive at byte {next} ({error.Message})", error);
        }
    }

    /// <summary>Whether the two empty blocks that end an archive come next; leaves the next header's block.</summary>
    private bool IsAtEnd()
    {
        var emptyCount = 0;
        while (ReadBlock(next + emptyCount * UploadArchive.BlockBytes) == block.Length
            && !block.AsSpan().ContainsAnyExcept((byte)0))
        {
            if (++emptyCount > EndBlocks)
                throw new InvalidDataException("something follows the end of it");
        }

        var left = archive.Length - next - emptyCount * UploadArchive.BlockBytes;
        if (emptyCount == 0 && left >= block.Length)
            return false;
        if (emptyCount == EndBlocks && left == 0)
            return true;
        throw new InvalidDataException(emptyCount == EndBlocks || left >= block.Length
            ? "something follows the end of it"
            : $"it is cut short after {archive.Length} bytes");
    }

    private int ReadBlock(long at)
    {
        var place = archive.Position;
        archive.Position = at;
        var count = archive.ReadAtLeast(block, block.Length, throwOnEndOfStream: false);
        archive.Position = place;
        return count;
    }
}

/// <summary>One file of an archive.</summary>
/// <param name="Name">Its name: relative, with <c>/</c> between its parts.</param>
/// <param name="Length">Its bytes; all of them are there.</param>
/// <param name="Content">Reads them.</param>
internal sealed record ArchiveMember(string Name, long Length, Stream Content);
