using System.Buffers.Binary;

namespace Gpt2Cluster.Data.Models.TensorBundle;

/// <summary>
/// Reads protocol buffers' wire format (https://protobuf.dev/programming-guides/encoding/) field by field, and the
/// same variable-length numbers where they stand alone.
/// </summary>
internal ref struct WireReader(ReadOnlySpan<byte> bytes)
{
    private const int LongestVarintBytes = 10;

    private ReadOnlySpan<byte> left = bytes;

    /// <summary>Whether everything has been read.</summary>
    public readonly bool IsAtEnd => left.IsEmpty;

    /// <summary>Bytes that are left.</summary>
    public readonly int Length => left.Length;

    /// <summary>Reads the next field.</summary>
    /// <returns>Its number; its value as a number, or 0 when it is bytes; its bytes, or none.</returns>
    /// <exception cref="InvalidDataException">It is cut short or of an unknown kind.</exception>
    public (int Number, ulong Value) ReadField(out ReadOnlySpan<byte> content)
    {
        content = default;
        var tag = ReadVarint();
        if (tag >> 3 is 0 or > int.MaxValue)
            throw new InvalidDataException("a field has no number");
        var number = (int)(tag >> 3);
        switch (tag & 7)
        {
            case 0:
                return (number, ReadVarint());
            case 1:
                return (number, BinaryPrimitives.ReadUInt64LittleEndian(ReadBytes(sizeof(ulong))));
            case 2:
                content = ReadBytes(ReadVarint());
                return (number, 0);
            case 5:
                return (number, BinaryPrimitives.ReadUInt32LittleEndian(ReadBytes(sizeof(uint))));
            default:
                throw new InvalidDataException($"a field is of the unknown kind {tag & 7}");
        }
    }

    /// <summary>Reads a number of seven bits a byte, the lowest first.</summary>
    /// <exception cref="InvalidDataException">It is cut short or longer than 64 bits.</exception>
    public ulong ReadVarint()
    {
        var value = 0ul;
        for (var i = 0; i < LongestVarintBytes && i < left.Length; i++)
        {
            value |= (ulong)(left[i] & 0x7f) << (7 * i);
            if (left[i] >= 0x80)
                continue;
            left = left[(i + 1)..];
            return value;
        }

        throw new InvalidDataException("a number is cut short or too long");
    }

    /// <summary>Reads some bytes.</summary>
    /// <exception cref="InvalidDataException">There are fewer.</exception>
    public ReadOnlySpan<byte> ReadBytes(ulong count)
    {
        if (count > (ulong)left.Length)
            throw new InvalidDataException($"{count} bytes are announced, {left.Length} are there");
        var bytes = left[..(int)count];
        left = left[(int)count..];
        return bytes;
    }
}
