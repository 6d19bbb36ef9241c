using System.Buffers.Binary;
using Gpt2Cluster.Data.Models.TensorBundle;

namespace Gpt2Cluster.Fuzz.Targets;

/// <summary>Makes the checksums of a sorted table right again, if its footer tells where its blocks lie.</summary>
internal static class TableChecksums
{
    private const int FooterBytes = 48;
    private const int TrailerBytes = 5;

    /// <summary>Signs the index block, and all in front of it as one block.</summary>
    public static void Repair(byte[] table)
    {
        try
        {
            var footer = new WireReader(table.AsSpan()[^FooterBytes..]);
            _ = (footer.ReadVarint(), footer.ReadVarint());
            var (offset, size) = ((int)footer.ReadVarint(), (int)footer.ReadVarint());
            Sign(table, 0, offset - TrailerBytes);
            Sign(table, offset, size);
        }
        catch (Exception error) when (error is InvalidDataException or ArgumentException)
        {
            // It is damaged beyond that.
        }
    }

    private static void Sign(byte[] table, int offset, int size) => BinaryPrimitives.WriteUInt32LittleEndian(
        table.AsSpan(offset + size + 1, 4), Crc32C.Masked(table.AsSpan(offset, size + 1)));
}
