using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Gpt2Cluster.Data.Sources.Npz;

/// <summary>
/// The head of one array in NumPy's npy format (versions 1 to 3): an integer type, little endian, and one dimension.
/// </summary>
/// <param name="ElementBytes">1, 2, 4 or 8.</param>
/// <param name="Signed">Whether elements can be negative.</param>
/// <param name="Length">How many elements follow.</param>
internal sealed partial record NpyHeader(int ElementBytes, bool Signed, long Length)
{
    private const int PrefixBytes = 8;
    private const int Alignment = 64;
    private const int LongestHeaderBytes = 1 << 16;

    /// <summary>Reads the head and leaves the stream at the first element.</summary>
    /// <exception cref="InvalidDataException">It is none, or not one this program can use; the message says
    /// why.</exception>
    public static NpyHeader Read(Stream stream)
    {
        Span<byte> prefix = stackalloc byte[PrefixBytes];
        ReadExactly(stream, prefix);
        if (prefix[0] != 0x93 || !prefix[1..6].SequenceEqual("NUMPY"u8))
            throw new InvalidDataException("it does not begin as a NumPy array");
        if (prefix[6] is < 1 or > 3)
            throw new InvalidDataException($"it has the unknown format version {prefix[6]}");
        Span<byte> size = stackalloc byte[prefix[6] == 1 ? 2 : 4];
        ReadExactly(stream, size);
        var length = size.Length == 2
            ? BinaryPrimitives.ReadUInt16LittleEndian(size)
            : BinaryPrimitives.ReadUInt32LittleEndian(size);
        if (length > LongestHeaderBytes)
            throw new InvalidDataException($"its header claims {length} bytes");
        var text = new byte[length];
        ReadExactly(stream, text);
        return Parse(Encoding.Latin1.GetString(text));
    }

    /// <summary>The bytes of a head that describes <paramref name="length"/> int64 elements.</summary>
    public static byte[] WriteInt64(long length)
    {
        var text = string.Create(
            CultureInfo.InvariantCulture, $"{{'descr': '<i8', 'fortran_order': False, 'shape': ({length},), }}");
        const int FixedBytes = PrefixBytes + 2;
        var padded = (FixedBytes + text.Length + 1 + Alignment - 1) / Alignment * Alignment;
        var bytes = new byte[padded];
        bytes.AsSpan().Fill((byte)' ');
        bytes[0] = 0x93;
        "NUMPY"u8.CopyTo(bytes.AsSpan(1));
        bytes[6] = 1;
        bytes[7] = 0;
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(PrefixBytes), (ushort)(padded - FixedBytes));
        Encoding.ASCII.GetBytes(text, bytes.AsSpan(FixedBytes));
        bytes[^1] = (byte)'\n';
        return bytes;
    }

    private static NpyHeader Parse(string text)
    {
        var match = Dictionary().Match(text);
        if (!match.Success)
            throw new InvalidDataException("its header is not NumPy's");
        var type = match.Groups["type"].Value;
        var integer = IntegerType().Match(type);
        if (!integer.Success)
            throw new InvalidDataException($"its type is {type}, not a little-endian integer");
        var shape = match.Groups["shape"].Value;
        var dimension = OneDimension().Match(shape);
        var digits = dimension.Groups[1].Value;
        if (!dimension.Success
            || !long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var length)
            || length > long.MaxValue / sizeof(long))
            throw new InvalidDataException($"its shape is ({shape}), not one dimension");
        return new NpyHeader(type[2] - '0', type[1] == 'i', length);
    }

    private static void ReadExactly(Stream stream, Span<byte> into)
    {
        if (stream.ReadAtLeast(into, into.Length, throwOnEndOfStream: false) < into.Length)
            throw new InvalidDataException("it ends within its header");
    }

    [GeneratedRegex(
        @"\A\{\s*'descr':\s*'(?<type>[^']*)',\s*'fortran_order':\s*(?:False|True),\s*"
        + @"'shape':\s*\((?<shape>[^()]*)\),?\s*\}\s*\z")]
    private static partial Regex Dictionary();

    [GeneratedRegex(@"\A(?:[|<][iu]1|<[iu][248])\z")]
    private static partial Regex IntegerType();

    [GeneratedRegex(@"\A\s*([0-9]{1,19})L?,\s*\z")]
    private static partial Regex OneDimension();
}
