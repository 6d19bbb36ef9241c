using System.Buffers.Binary;
using Gpt2Cluster.Data.Models.TensorBundle;

namespace Gpt2Cluster.Data.Models.TensorFlow;

/// <summary>
/// Writes a table of sorted keys as LevelDB keeps it
/// (https://github.com/google/leveldb/blob/main/doc/table_format.md): one block of data, uncompressed, an empty block
/// for filters, a block of one entry that names the first, and a footer.
/// </summary>
internal static class TableWriter
{
    private const ulong Magic = 0xdb4775248b80fb57;
    private const int RestartInterval = 16;
    private const int FooterBytes = 48;
    private const byte Uncompressed = 0;

    /// <summary>Writes a table.</summary>
    /// <param name="output">Where to; stays open.</param>
    /// <param name="entries">Keys in ascending order of their bytes, each once; one or more.</param>
    public static void Write(Stream output, IReadOnlyList<(byte[] Key, byte[] Value)> entries)
    {
        var position = 0UL;
        var data = WriteBlock(output, entries, ref position);
        var filters = WriteBlock(output, [], ref position);
        var index = WriteBlock(output, [(entries[^1].Key, data)], ref position);
        var footer = new byte[FooterBytes];
        filters.CopyTo(footer, 0);
        index.CopyTo(footer, filters.Length);
        BinaryPrimitives.WriteUInt64LittleEndian(footer.AsSpan(FooterBytes - sizeof(ulong)), Magic);
        output.Write(footer);
    }

    /// <summary>Appends a number in seven bits a byte, the lowest first.</summary>
    public static void WriteVarint(Stream output, ulong value)
    {
        for (; value >= 0x80; value >>= 7)
            output.WriteByte((byte)(value | 0x80));
        output.WriteByte((byte)value);
    }

    /// <returns>The block's handle: its place and its length without type and checksum.</returns>
    private static byte[] WriteBlock(
        Stream output, IReadOnlyList<(byte[] Key, byte[] Value)> entries, ref ulong position)
    {
        using var block = new MemoryStream();
        WriteEntries(block, entries);
        using var handle = new MemoryStream();
        WriteVarint(handle, position);
        WriteVarint(handle, (ulong)block.Length);
        block.WriteByte(Uncompressed);
        var checksum = Crc32C.Masked(block.GetBuffer().AsSpan(0, (int)block.Length));
        Write(block, checksum);
        block.WriteTo(output);
        position += (ulong)block.Length;
        return handle.ToArray();
    }

    private static void WriteEntries(Stream block, IReadOnlyList<(byte[] Key, byte[] Value)> entries)
    {
        var restarts = new List<uint> { 0 };
        byte[] last = [];
        for (var index = 0; index < entries.Count; index++)
        {
            var (key, value) = entries[index];
            var shared = key.AsSpan().CommonPrefixLength(last);
            if (index > 0 && index % RestartInterval == 0)
            {
                restarts.Add((uint)block.Position);
                shared = 0;
            }

            WriteVarint(block, (ulong)shared);
            WriteVarint(block, (ulong)(key.Length - shared));
            WriteVarint(block, (ulong)value.Length);
            block.Write(key.AsSpan(shared));
            block.Write(value);
            last = key;
        }

        foreach (var restart in restarts)
            Write(block, restart);
        Write(block, (uint)restarts.Count);
    }

    private static void Write(Stream stream, uint value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, value);
        stream.Write(bytes);
    }
}
