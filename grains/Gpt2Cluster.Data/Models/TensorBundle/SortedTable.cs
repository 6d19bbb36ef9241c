using System.Buffers.Binary;
using System.Text;
using Snappier;

namespace Gpt2Cluster.Data.Models.TensorBundle;

/// <summary>
/// A sorted table of keys and values, LevelDB's file format
/// (https://github.com/google/leveldb/blob/main/doc/table_format.md) as TensorFlow keeps it: blocks of entries that
/// share the beginning of their keys, plain or packed with Snappy, each with a CRC-32C; an index block of the others;
/// a footer with the place of that. Read whole and strictly, in bounded memory.
/// </summary>
internal static class SortedTable
{
    /// <summary>Longest file in bytes: thousands of times the index of a GPT-2.</summary>
    public const int LongestBytes = 16 << 20;

    private const int FooterBytes = 48;
    private const ulong Magic = 0xdb4775248b80fb57;
    private const int TrailerBytes = 5;
    private const int LongestBlockBytes = 4 << 20;
    private const int LongestUnpackedBytes = 64 << 20;
    private const int LongestKeyBytes = 512;
    private const int MostEntries = 100_000;

    private static readonly UTF8Encoding StrictUtf8 = new(false, throwOnInvalidBytes: true);

    /// <summary>The entries in the order of their keys.</summary>
    /// <exception cref="InvalidDataException">The file is wrong; the message says how.</exception>
    public static List<KeyValuePair<string, byte[]>> Read(ReadOnlySpan<byte> file)
    {
        if (file.Length > LongestBytes)
            throw new InvalidDataException($"it has {file.Length} bytes, more than {LongestBytes}");
        if (file.Length < FooterBytes
            || BinaryPrimitives.ReadUInt64LittleEndian(file[^sizeof(ulong)..]) != Magic)
            throw new InvalidDataException("it is no sorted table, or cut short");
        var footer = new WireReader(file[^FooterBytes..]);
        _ = ReadHandle(ref footer); // Of the block of extra information, which TensorFlow leaves empty.
        var entries = new List<KeyValuePair<string, byte[]>>();
        var unpacked = 0L;
        var index = new List<KeyValuePair<string, byte[]>>();
        ReadEntries(ReadBlock(file, ReadHandle(ref footer), ref unpacked), index);
        foreach (var (_, handle) in index)
        {
            var reader = new WireReader(handle);
            ReadEntries(ReadBlock(file, ReadHandle(ref reader), ref unpacked), entries);
        }

        return entries;
    }

    private static (ulong Offset, ulong Size) ReadHandle(ref WireReader reader) =>
        (reader.ReadVarint(), reader.ReadVarint());

    private static ReadOnlySpan<byte> ReadBlock(
        ReadOnlySpan<byte> file, (ulong Offset, ulong Size) handle, ref long unpacked)
    {
        var (offset, size) = handle;
        var end = (ulong)(file.Length - FooterBytes);
        if (size > LongestBlockBytes || offset > end || size + TrailerBytes > end - offset)
            throw new InvalidDataException($"a block of {size} bytes at {offset} leaves the file");
        var whole = file.Slice((int)offset, (int)size + TrailerBytes);
        var content = whole[..(int)size];
        if (Crc32C.Masked(whole[..((int)size + 1)]) != BinaryPrimitives.ReadUInt32LittleEndian(whole[^4..]))
            throw new InvalidDataException($"the checksum of the block at {offset} is wrong");
        content = whole[(int)size] switch
        {
            0 => content,
            1 => Unpack(content),
            var other => throw new InvalidDataException($"a block is packed in the unknown way {other}"),
        };
        unpacked += content.Length;
        return unpacked <= LongestUnpackedBytes
            ? content
            : throw new InvalidDataException($"its blocks have more than {LongestUnpackedBytes} bytes");
    }

    private static byte[] Unpack(ReadOnlySpan<byte> packed)
    {
        // What a block claims is looked at before any memory is taken for it.
        var claimed = Snappy.GetUncompressedLength(packed);
        if (claimed is < 0 or > LongestBlockBytes)
            throw new InvalidDataException($"a packed block claims {claimed} bytes");
        var unpacked = new byte[claimed];
        return Snappy.Decompress(packed, unpacked) == claimed
            ? unpacked
            : throw new InvalidDataException("a packed block has another length than it claims");
    }

    private static void ReadEntries(ReadOnlySpan<byte> block, List<KeyValuePair<string, byte[]>> entries)
    {
        if (block.Length < sizeof(uint))
            throw new InvalidDataException("a block is too short");
        // Restart points are for searching; whoever reads everything needs their count only.
        var restarts = BinaryPrimitives.ReadUInt32LittleEndian(block[^sizeof(uint)..]);
        if (restarts > (block.Length - sizeof(uint)) / sizeof(uint))
            throw new InvalidDataException($"a block claims {restarts} restart points");
        var reader = new WireReader(block[..^(sizeof(uint) * ((int)restarts + 1))]);
        Span<byte> key = stackalloc byte[LongestKeyBytes];
        var keyBytes = 0;
        while (!reader.IsAtEnd)
        {
            var (shared, added, valueBytes) = (reader.ReadVarint(), reader.ReadVarint(), reader.ReadVarint());
            if (shared > (ulong)keyBytes || added > LongestKeyBytes - shared)
                throw new InvalidDataException("a key does not follow the one before it, or is too long");
            reader.ReadBytes(added).CopyTo(key[(int)shared..]);
            keyBytes = (int)(shared + added);
            if (entries.Count == MostEntries)
                throw new InvalidDataException($"it has more than {MostEntries} entries");
            entries.Add(new(Text(key[..keyBytes]), reader.ReadBytes(valueBytes).ToArray()));
            if (entries.Count > 1 && string.CompareOrdinal(entries[^2].Key, entries[^1].Key) >= 0)
                throw new InvalidDataException($"the key {entries[^1].Key} is not behind the one before it");
        }
    }

    private static string Text(ReadOnlySpan<byte> key)
    {
        try
        {
            return StrictUtf8.GetString(key);
        }
        catch (DecoderFallbackException error)
        {
            throw new InvalidDataException("a key is no UTF-8", error);
        }
    }
}
