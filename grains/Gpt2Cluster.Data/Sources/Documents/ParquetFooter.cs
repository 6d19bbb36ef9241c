using System.Buffers.Binary;

namespace Gpt2Cluster.Data.Sources.Documents;

/// <summary>
/// The end of a Parquet file (https://parquet.apache.org/docs/file-format/): a structure in Thrift's compact protocol
/// (https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md), its length and a magic number.
/// Parquet.Net believes what lists in it claim, and counts to billions or takes memory for them; so it is walked
/// through first.
/// </summary>
internal static class ParquetFooter
{
    private const int TailBytes = 8;
    private const int MostDepth = 64;
    private const int LongestVarintBytes = 10;

    private enum Kind
    {
        Stop,
        True,
        False,
        Byte,
        Int16,
        Int32,
        Int64,
        Double,
        Binary,
        List,
        Set,
        Map,
        Structure,
        Uuid,
    }

    /// <summary>Walks through it; leaves the stream at its beginning.</summary>
    /// <exception cref="InvalidDataException">Its values do not fill it, or there is none.</exception>
    public static void Check(Stream file)
    {
        Span<byte> tail = stackalloc byte[TailBytes];
        if (file.Length < TailBytes)
            throw new InvalidDataException("it is too short");
        file.Seek(-TailBytes, SeekOrigin.End);
        file.ReadExactly(tail);
        var length = BinaryPrimitives.ReadUInt32LittleEndian(tail);
        if (!tail[4..].SequenceEqual("PAR1"u8) || length > file.Length - TailBytes)
            throw new InvalidDataException("it does not end as a table does, or is cut short");
        var footer = new byte[length];
        file.Seek(-TailBytes - (long)length, SeekOrigin.End);
        file.ReadExactly(footer);
        var left = footer.AsSpan();
        SkipStructure(ref left, 0);
        file.Position = 0;
    }

    private static void SkipStructure(ref Span<byte> left, int depth)
    {
        if (depth == MostDepth)
            throw new InvalidDataException("its description is nested too deep");
        while (true)
        {
            var head = Take(ref left, 1)[0];
            var kind = (Kind)(head & 0xf);
            if (kind == Kind.Stop)
                return;
            if (head >> 4 == 0)
                _ = Varint(ref left); // The field's number; else the difference to the one before.
            if (kind is not (Kind.True or Kind.False))
                Skip(ref left, kind, depth);
        }
    }

    private static void Skip(ref Span<byte> left, Kind kind, int depth)
    {
        switch (kind)
        {
            case Kind.True or Kind.False or Kind.Byte:
                Take(ref left, 1);
                break;
            case Kind.Int16 or Kind.Int32 or Kind.Int64:
                _ = Varint(ref left);
                break;
            case Kind.Double:
                Take(ref left, sizeof(double));
                break;
            case Kind.Binary:
                Take(ref left, Varint(ref left));
                break;
            case Kind.List or Kind.Set:
                var head = Take(ref left, 1)[0];
                SkipMany(ref left, head >> 4 == 0xf ? Varint(ref left) : (ulong)(head >> 4), depth, (Kind)(head & 0xf));
                break;
            case Kind.Map:
                var count = Varint(ref left);
                var kinds = count == 0 ? 0 : Take(ref left, 1)[0];
                SkipMany(ref left, count, depth, (Kind)(kinds >> 4), (Kind)(kinds & 0xf));
                break;
            case Kind.Structure:
                SkipStructure(ref left, depth + 1);
                break;
            case Kind.Uuid:
                Take(ref left, 16);
                break;
            default:
                throw new InvalidDataException($"its description has the unknown type {(int)kind}");
        }
    }

    private static void SkipMany(ref Span<byte> left, ulong count, int depth, params ReadOnlySpan<Kind> kinds)
    {
        if (depth == MostDepth)
            throw new InvalidDataException("its description is nested too deep");
        // Each value has a byte at least.
        if (count > (ulong)left.Length)
            throw new InvalidDataException($"its description claims a list of {count} values");
        for (; count > 0; count--)
        {
            foreach (var kind in kinds)
                Skip(ref left, kind, depth + 1);
        }
    }

    private static ulong Varint(ref Span<byte> left)
    {
        var value = 0UL;
        for (var i = 0; i < LongestVarintBytes; i++)
        {
            var one = Take(ref left, 1)[0];
            value |= (ulong)(one & 0x7f) << (7 * i);
            if (one < 0x80)
                return value;
        }

        throw new InvalidDataException("its description has a number that is too long");
    }

    private static Span<byte> Take(ref Span<byte> left, ulong count)
    {
        if (count > (ulong)left.Length)
            throw new InvalidDataException("its description is cut short");
        var taken = left[..(int)count];
        left = left[(int)count..];
        return taken;
    }
}
