using System.Text;
using Gpt2Cluster.Core;

namespace Gpt2Cluster.Data.Sources;

/// <summary>
/// Reads a text file in pieces of UTF-8 that end between characters: UTF-8 as it is, UTF-16 by its byte-order mark,
/// anything else by the encoding that the user names. The mark is dropped. Refuses what is no text.
/// </summary>
internal sealed class TextFileReader : IDisposable
{
    private const int PieceBytes = 64 << 10;

    private readonly string name;
    private readonly Stream file;
    private readonly Encoding? named;
    private readonly byte[] buffer = new byte[PieceBytes];
    private ITextDecoder? decoder;
    private long offset;
    private int tailStart;
    private int tailEnd;

    /// <param name="source">The file.</param>
    /// <param name="encoding">What it is in unless a mark says otherwise; null: UTF-8.</param>
    /// <exception cref="UserErrorException">The file cannot be opened.</exception>
    public TextFileReader(SourceFile source, Encoding? encoding = null)
    {
        name = source.Name;
        named = encoding;
        file = source.OpenRead();
    }

    /// <summary>Bytes of the file read so far.</summary>
    public long BytesRead { get; private set; }

    /// <summary>The next piece, valid until the next call; empty at the end of the file.</summary>
    /// <exception cref="UserErrorException">A byte is none of the encoding (its offset is named), or the file cannot
    /// be read.</exception>
    /// <exception cref="NoTextException">The file is something else than text.</exception>
    public ReadOnlyMemory<byte> Next()
    {
        while (true)
        {
            var carried = tailEnd - tailStart;
            buffer.AsSpan(tailStart, carried).CopyTo(buffer);
            var count = Fill(buffer.AsSpan(carried));
            BytesRead += count;
            var bytes = buffer.AsSpan(0, carried + count);
            var isLast = bytes.Length < buffer.Length;
            var skipped = decoder is null ? Begin(bytes) : 0;
            var (taken, piece) = decoder!.Decode(
                buffer.AsMemory(skipped, bytes.Length - skipped), offset + skipped, isLast);
            offset += skipped + taken;
            (tailStart, tailEnd) = (skipped + taken, bytes.Length);

            // Only the end is empty: a mark alone, or a part of a character, is no piece.
            if (!piece.IsEmpty || isLast)
                return piece;
        }
    }

    public void Dispose() => file.Dispose();

    private int Fill(Span<byte> free)
    {
        try
        {
            return file.ReadAtLeast(free, free.Length, throwOnEndOfStream: false);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException(
                $"{name} cannot be read behind byte {BytesRead} ({error.Message.TrimEnd('.')}).", error);
        }
    }

    /// <returns>The bytes of the mark.</returns>
    private int Begin(ReadOnlySpan<byte> start)
    {
        if (start.StartsWith(Encoding.UTF8.Preamble))
        {
            decoder = new Utf8Checker(name);
            return Encoding.UTF8.Preamble.Length;
        }

        // UTF-32's little endian mark begins with UTF-16's.
        if (start.StartsWith(Encoding.UTF32.Preamble))
        {
            decoder = new NamedDecoder(name, TextEncodings.Strict(Encoding.UTF32));
            return Encoding.UTF32.Preamble.Length;
        }

        if (start.StartsWith(Encoding.Unicode.Preamble) || start.StartsWith(Encoding.BigEndianUnicode.Preamble))
        {
            decoder = new Utf16Decoder(name, isBigEndian: start[0] == 0xFE);
            return Encoding.Unicode.Preamble.Length;
        }

        if (FileMagic.Of(start, name) is var (kind, remedy))
            throw new NoTextException(name, $"is {kind}, not text", remedy);
        decoder = named switch
        {
            null or UTF8Encoding => new Utf8Checker(name),
            UnicodeEncoding { CodePage: TextEncodings.LittleEndianUtf16 } => new Utf16Decoder(name, isBigEndian: false),
            UnicodeEncoding => new Utf16Decoder(name, isBigEndian: true),
            _ => new NamedDecoder(name, named),
        };
        return 0;
    }
}
