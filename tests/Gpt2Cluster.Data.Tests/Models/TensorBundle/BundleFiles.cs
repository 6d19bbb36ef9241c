using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using Gpt2Cluster.Data.Models.TensorBundle;

namespace Gpt2Cluster.Data.Tests.Models.TensorBundle;

/// <summary>Writes small checkpoints of TensorFlow's format, without shared key beginnings.</summary>
internal static class BundleFiles
{
    private const int FooterBytes = 48;

    /// <summary>Writes variables of type DT_FLOAT.</summary>
    public static void Write(
        string prefix, IEnumerable<(string Name, IReadOnlyList<int> Dimensions, float[] Values)> of)
    {
        using var data = new MemoryStream();
        var rows = new List<(string Key, byte[] Value)> { ("", [0x08, 1]) };
        foreach (var (name, dimensions, values) in of.OrderBy(one => one.Name, StringComparer.Ordinal))
        {
            var bytes = MemoryMarshal.AsBytes(values.AsSpan());
            var entry = Entry(1, [.. dimensions.Select(size => (long)size)], data.Length, bytes);
            data.Write(bytes);
            rows.Add((name, entry));
        }

        File.WriteAllBytes(prefix + ".index", Table(rows));
        File.WriteAllBytes(prefix + ".data-00000-of-00001", data.ToArray());
    }

    /// <summary>One entry's message.</summary>
    public static byte[] Entry(int type, long[] dimensions, long offset, ReadOnlySpan<byte> bytes)
    {
        byte[] shape = [.. dimensions.SelectMany(Dimension)];
        var checksum = new byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(checksum, Crc32C.Masked(bytes));
        return
        [
            0x08, .. Varint(type), 0x12, .. Varint(shape.Length), .. shape, 0x20, .. Varint(offset), 0x28,
            .. Varint(bytes.Length), 0x35, .. checksum,
        ];

        static byte[] Dimension(long size)
        {
            byte[] message = [0x08, .. Varint(size)];
            return [0x12, .. Varint(message.Length), .. message];
        }
    }

    /// <summary>A table of one block.</summary>
    public static byte[] Table(IEnumerable<(string Key, byte[] Value)> rows)
    {
        var block = Block(rows);
        var index = Block([("~", [0, .. Varint(block.Length - 5)])]);
        byte[] handles = [0, 0, .. Varint(block.Length), .. Varint(index.Length - 5)];
        return
        [
            .. block, .. index, .. handles, .. new byte[FooterBytes - 8 - handles.Length],
            .. BitConverter.GetBytes(0xdb4775248b80fb57),
        ];
    }

    private static void Sign(byte[] table, int offset, int size) => BinaryPrimitives.WriteUInt32LittleEndian(
        table.AsSpan(offset + size + 1, 4), Crc32C.Masked(table.AsSpan(offset, size + 1)));

    private static byte[] Block(IEnumerable<(string Key, byte[] Value)> rows)
    {
        byte[] entries =
        [
            .. rows.SelectMany(row => (byte[])
            [
                0, .. Varint(Encoding.UTF8.GetByteCount(row.Key)), .. Varint(row.Value.Length),
                .. Encoding.UTF8.GetBytes(row.Key), .. row.Value,
            ]),
        ];
        byte[] block = [.. entries, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];
        Sign(block, 0, block.Length - 5);
        return block;
    }

    private static byte[] Varint(long value)
    {
        var bytes = new List<byte>();
        for (; value >= 0x80; value >>= 7)
            bytes.Add((byte)(value | 0x80));
        bytes.Add((byte)value);
        return [.. bytes];
    }
}
