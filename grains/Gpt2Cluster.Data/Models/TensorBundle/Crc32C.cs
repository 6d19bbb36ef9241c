using System.Buffers.Binary;
using System.Numerics;

namespace Gpt2Cluster.Data.Models.TensorBundle;

/// <summary>
/// CRC-32C (Castagnoli), which RFC 3720, appendix B.4 has test values of, in the masked form that LevelDB's and
/// TensorFlow's files carry, so that a checksum of bytes which hold checksums is none of the usual ones.
/// </summary>
internal static class Crc32C
{
    private const uint MaskDelta = 0xa282ead8;

    /// <summary>The masked checksum of bytes.</summary>
    public static uint Masked(ReadOnlySpan<byte> bytes) => Mask(Append(0, bytes));

    /// <summary>Goes on from the checksum of the bytes before; 0 stands before the first.</summary>
    public static uint Append(uint before, ReadOnlySpan<byte> bytes)
    {
        var crc = ~before;
        for (; bytes.Length >= sizeof(ulong); bytes = bytes[sizeof(ulong)..])
            crc = BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
        foreach (var one in bytes)
            crc = BitOperations.Crc32C(crc, one);
        return ~crc;
    }

    /// <summary>The form in which files carry a checksum.</summary>
    public static uint Mask(uint crc) => BitOperations.RotateRight(crc, 15) + MaskDelta;
}
