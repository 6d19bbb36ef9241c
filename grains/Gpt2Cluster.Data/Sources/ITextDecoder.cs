using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Unicode;
using Gpt2Cluster.Core;

namespace Gpt2Cluster.Data.Sources;

/// <summary>Turns a file's bytes into UTF-8, piece by piece, and refuses what its encoding has not.</summary>
internal interface ITextDecoder
{
    /// <summary>
    /// Takes the next bytes; those that begin a character without its rest are left, to be given again.
    /// </summary>
    /// <param name="bytes">The bytes; the piece may lie in them.</param>
    /// <param name="offset">Where they stand in the file.</param>
    /// <param name="isLast">Whether nothing comes behind them.</param>
    /// <returns>How many bytes were taken, and their UTF-8, valid until the next call.</returns>
    /// <exception cref="UserErrorException">A byte is none of the encoding; its offset is named.</exception>
    /// <exception cref="NoTextException">There is a zero byte.</exception>
    (int Taken, ReadOnlyMemory<byte> Piece) Decode(ReadOnlyMemory<byte> bytes, long offset, bool isLast);
}

/// <summary>UTF-8: checked, and passed on where it lies.</summary>
internal sealed class Utf8Checker(string name) : ITextDecoder
{
    // Of a text in UTF-16 with mostly Latin letters nearly every second byte is zero.
    private const double MostZeros = 0.3;
    private const double FewestZeros = 0.05;
    private const int EnoughZeros = 4;

    public (int Taken, ReadOnlyMemory<byte> Piece) Decode(ReadOnlyMemory<byte> bytes, long offset, bool isLast)
    {
        var span = bytes.Span;
        var whole = isLast ? span.Length : span.Length - IncompleteBytes(span);
        Check(span[..whole], offset);
        return (whole, bytes[..whole]);
    }

    private void Check(ReadOnlySpan<byte> piece, long offset)
    {
        if (piece.IndexOf((byte)0) is >= 0 and var zero)
        {
            RefuseUtf16(piece, offset + zero);
            throw new NoTextException(
                name, $"is binary, not text: byte {offset + zero} is zero", "give a text, .npz, .jsonl or .csv");
        }

        if (Utf8.IsValid(piece))
            return;
        var place = 0;
        while (Rune.DecodeFromUtf8(piece[place..], out _, out var width) == OperationStatus.Done)
            place += width;
        throw new UserErrorException($"{name} is not UTF-8: the byte at offset {offset + place} "
            + $"(0x{piece[place]:X2}) begins no character; name its encoding with --encoding NAME, for example "
            + "--encoding windows-1252.");
    }

    private void RefuseUtf16(ReadOnlySpan<byte> piece, long zero)
    {
        var (even, odd) = (0, 0);
        for (var i = 0; i + 1 < piece.Length; i += 2)
        {
            even += piece[i] == 0 ? 1 : 0;
            odd += piece[i + 1] == 0 ? 1 : 0;
        }

        if (even + odd < EnoughZeros)
            return;
        var pairs = piece.Length / 2.0;
        var isBig = even / pairs >= MostZeros && odd / pairs < FewestZeros;
        if (isBig || (odd / pairs >= MostZeros && even / pairs < FewestZeros))
        {
            throw new UserErrorException($"{name} looks like UTF-16 without its mark (the byte at offset {zero} is "
                + $"zero, as every second one is); name it with --encoding {(isBig ? "utf-16be" : "utf-16le")}.");
        }
    }

    // Bytes at the end that begin a character and lack its rest; anything else is left to the check.
    private static int IncompleteBytes(ReadOnlySpan<byte> bytes)
    {
        for (var back = 1; back <= Math.Min(3, bytes.Length); back++)
        {
            var value = bytes[^back];
            if (value < 0x80)
                return 0;
            if (value >= 0xC0)
                return back < (value >= 0xF0 ? 4 : value >= 0xE0 ? 3 : 2) ? back : 0;
        }

        return 0;
    }
}

/// <summary>UTF-16 of either order of bytes (Unicode 16, 3.10).</summary>
internal sealed class Utf16Decoder(string name, bool isBigEndian) : ITextDecoder
{
    private const int UnitBytes = sizeof(char);

    // A unit of two bytes takes three of UTF-8 at most; a pair of them four.
    private const int MostUtf8OfUnit = 3;

    private char[] units = [];
    private byte[] utf8 = [];

    public (int Taken, ReadOnlyMemory<byte> Piece) Decode(ReadOnlyMemory<byte> bytes, long offset, bool isLast)
    {
        var count = bytes.Length / UnitBytes;
        if (units.Length < count)
            (units, utf8) = (new char[count], new byte[count * MostUtf8OfUnit]);
        var text = units.AsSpan(0, count);
        bytes.Span[..(count * UnitBytes)].CopyTo(MemoryMarshal.AsBytes(text));
        if (isBigEndian == BitConverter.IsLittleEndian)
        {
            var words = MemoryMarshal.Cast<char, ushort>(text);
            BinaryPrimitives.ReverseEndianness(words, words);
        }

        var status = Utf8.FromUtf16(text, utf8, out var read, out var written, replaceInvalidSequences: false, isLast);
        if (status == OperationStatus.InvalidData)
        {
            throw new UserErrorException($"{name} is not UTF-16: at offset {offset + read * UnitBytes} stands "
                + $"0x{(int)text[read]:X4}, half of a character; name its encoding with --encoding NAME.");
        }

        if (text[..read].IndexOf('\0') is >= 0 and var zero)
        {
            throw new NoTextException(name, $"is binary, not text: at byte {offset + zero * UnitBytes} is a zero",
                "name its encoding with --encoding NAME if it is text");
        }

        if (isLast && bytes.Length % UnitBytes != 0)
        {
            throw new UserErrorException($"{name} is not UTF-16: at offset {offset + bytes.Length - 1} one byte is "
                + "left over; name its encoding with --encoding NAME.");
        }

        return (read * UnitBytes, utf8.AsMemory(0, written));
    }
}

/// <summary>An encoding that .NET knows by its name.</summary>
internal sealed class NamedDecoder(string name, Encoding encoding) : ITextDecoder
{
    private readonly Decoder decoder = encoding.GetDecoder();
    private char[] characters = [];
    private byte[] utf8 = [];
    private char high;

    public (int Taken, ReadOnlyMemory<byte> Piece) Decode(ReadOnlyMemory<byte> bytes, long offset, bool isLast)
    {
        var most = encoding.GetMaxCharCount(bytes.Length) + 1;
        if (characters.Length < most)
            (characters, utf8) = (new char[most], new byte[Encoding.UTF8.GetMaxByteCount(most)]);
        var held = high == 0 ? 0 : 1;
        characters[0] = high;
        var count = held + Convert(bytes.Span, characters.AsSpan(held), offset, isLast);
        var text = characters.AsSpan(0, count);
        if (text.Contains('\0'))
        {
            var zero = Math.Max(0, bytes.Span.IndexOf((byte)0));
            throw new NoTextException(name, $"is binary, not {encoding.WebName}: byte {offset + zero} is zero",
                "name its encoding with --encoding NAME if it is text");
        }

        // Both halves of a character are encoded together.
        high = !isLast && count > 0 && char.IsHighSurrogate(text[^1]) ? text[^1] : '\0';
        var length = Encoding.UTF8.GetBytes(high == 0 ? text : text[..^1], utf8);
        return (bytes.Length, utf8.AsMemory(0, length));
    }

    private int Convert(ReadOnlySpan<byte> bytes, Span<char> target, long offset, bool isLast)
    {
        try
        {
            return decoder.GetChars(bytes, target, isLast);
        }
        catch (DecoderFallbackException error)
        {
            throw new UserErrorException($"{name} is not {encoding.WebName}: at offset {offset + error.Index} stands "
                + $"0x{System.Convert.ToHexString(error.BytesUnknown ?? [])}, which is no character of it; name its "
                + "encoding with --encoding NAME.", error);
        }
    }
}
