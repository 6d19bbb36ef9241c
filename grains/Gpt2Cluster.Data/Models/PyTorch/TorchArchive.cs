using System.IO.Compression;
using System.Text;

namespace Gpt2Cluster.Data.Models.PyTorch;

/// <summary>The form of <c>torch.save</c> since PyTorch 1.6: a zip archive, in which nothing is compressed.</summary>
internal static class TorchArchive
{
    private const int LongestPickleBytes = 1 << 20;
    private const int LongestOrderBytes = 16;
    private const string PickleName = "/data.pkl";

    /// <summary>The pickled value, and where each storage lies in the file, in bytes.</summary>
    /// <exception cref="InvalidDataException">It is no such archive; the message says why.</exception>
    public static (object? Root, IReadOnlyDictionary<string, (long Start, long Bytes)> Places) Read(
        string path, ElementFile file)
    {
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
        using var archive = new ZipArchive(stream, ZipArchiveMode.Read);
        var pickle = archive.Entries.FirstOrDefault(entry =>
            entry.FullName.EndsWith(PickleName, StringComparison.Ordinal) && entry.FullName.Count('/') == 1)
            ?? throw new InvalidDataException("it has no data.pkl");
        var folder = pickle.FullName[..^PickleName.Length];
        CheckOrder(archive.GetEntry(folder + "/byteorder"));
        var position = 0;
        var root = PickleReader.Read(Content(pickle, LongestPickleBytes), ref position, TensorGlobals.Storage);
        var places = new Dictionary<string, (long Start, long Bytes)>(StringComparer.Ordinal);
        var prefix = folder + "/data/";
        foreach (var entry in archive.Entries.Where(
            entry => entry.FullName.StartsWith(prefix, StringComparison.Ordinal)))
        {
            if (!places.TryAdd(entry.FullName[prefix.Length..], (StartOf(entry, stream, file), entry.Length)))
                throw new InvalidDataException($"it has {entry.FullName} twice");
        }

        return (root, places);
    }

    private static void CheckOrder(ZipArchiveEntry? entry)
    {
        if (entry is not null && Encoding.ASCII.GetString(Content(entry, LongestOrderBytes)).Trim() != "little")
            throw new InvalidDataException("its numbers are big-endian, which is not supported");
    }

    private static byte[] Content(ZipArchiveEntry entry, int longestBytes)
    {
        if (entry.Length > longestBytes)
            throw new InvalidDataException($"its {entry.FullName} claims {entry.Length} bytes");
        var content = new byte[entry.Length];
        using var stream = entry.Open();
        var count = stream.ReadAtLeast(content, content.Length, throwOnEndOfStream: false);
        return count == content.Length
            ? content
            : throw new InvalidDataException($"its {entry.FullName} is cut short");
    }

    /// <summary>
    /// Where a member's content begins in the file: the library reads what is not compressed straight from there. That
    /// is held against what lies at that place.
    /// </summary>
    private static long StartOf(ZipArchiveEntry entry, FileStream archive, ElementFile file)
    {
        if (entry.Length == 0)
            return 0;
        if (entry.CompressedLength != entry.Length)
            throw new InvalidDataException($"its {entry.FullName} is compressed, which torch.save does not do");
        Span<byte> expected = stackalloc byte[(int)Math.Min(64, entry.Length)];
        Span<byte> found = stackalloc byte[expected.Length];
        using var content = entry.Open();
        content.ReadExactly(expected);
        var start = archive.Position - expected.Length;
        return start >= 0 && file.ReadAvailable(found, start) == found.Length && found.SequenceEqual(expected)
            ? start
            : throw new InvalidDataException($"its {entry.FullName} is not stored as it is");
    }
}
