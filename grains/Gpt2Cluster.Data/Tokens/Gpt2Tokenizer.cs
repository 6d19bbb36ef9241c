using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using Gpt2Cluster.Core;

namespace Gpt2Cluster.Data.Tokens;

/// <summary>
/// GPT-2's tokeniser. Text is encoded plainly: <c>&lt;|endoftext|&gt;</c> is ordinary text here, and documents are
/// parted by adding <see cref="Gpt2Vocabulary.EndOfText"/>. <see cref="PreTokenWindow"/> and <see
/// cref="PreTokenScanner"/> cut the pieces, two caches know the tokens of those that were seen before, and <see
/// cref="BytePairMerger"/> merges the others. An instance belongs to one thread at a time and holds some 6 MB.
/// <c>tests/Gpt2Cluster.Data.Benchmarks</c> measures its speed.
/// </summary>
public sealed class Gpt2Tokenizer
{
    /// <summary>
    /// Most bytes of one unbroken piece with a vocabulary whose merges are not in order, or so many and long that no
    /// part of such a piece is settled before its end; merging it takes up to 6 s and 450 MB. With others, OpenAI's
    /// among them, a piece may have any length.
    /// </summary>
    public const int LongestPieceBytes = 16 << 20;

    // What is read of a piece in a window may reach behind the window.
    private const int WindowBytes = PreTokenWindow.Bytes + PieceCache.LongestPieceBytes + 1;

    private readonly PieceCache cache = new();
    private readonly LongPieceCache longCache = new();
    private readonly BytePairMerger merger;
    private readonly Func<int, int> bytesOf;

    /// <summary>Makes a tokeniser of the built-in vocabulary.</summary>
    public Gpt2Tokenizer()
        : this(Gpt2Vocabulary.BuiltIn)
    {
    }

    /// <summary>Makes a tokeniser of a vocabulary.</summary>
    public Gpt2Tokenizer(Gpt2Vocabulary vocabulary)
    {
        ArgumentNullException.ThrowIfNull(vocabulary);
        Vocabulary = vocabulary;
        merger = new BytePairMerger(vocabulary.Merges);
        bytesOf = id => vocabulary.BytesOf(id).Length;
    }

    /// <summary>The tokens it knows.</summary>
    public Gpt2Vocabulary Vocabulary { get; }

    /// <summary>The tokens of a text. Lone surrogates become U+FFFD.</summary>
    public IReadOnlyList<int> Encode(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var utf8 = Encoding.UTF8.GetBytes(text);
        var tokens = new ushort[utf8.Length];
        EncodeUtf8(utf8, final: true, tokens, out var count);
        return Array.ConvertAll(tokens[..count], token => (int)token);
    }

    /// <summary>The text of tokens; bytes that are no UTF-8 become U+FFFD.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A token is none of the vocabulary's.</exception>
    public string Decode(IEnumerable<int> tokens) => Encoding.UTF8.GetString(DecodeBytes(tokens));

    /// <summary>The bytes of tokens.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A token is none of the vocabulary's.</exception>
    public byte[] DecodeBytes(IEnumerable<int> tokens)
    {
        ArgumentNullException.ThrowIfNull(tokens);
        using var bytes = new MemoryStream();
        foreach (var token in tokens)
            bytes.Write(Vocabulary.BytesOf(token));
        return bytes.ToArray();
    }

    /// <summary>
    /// Writes the tokens of UTF-8 text. Unless <paramref name="final"/>, pieces that more text could still lengthen are
    /// left. Bytes that are no UTF-8 are marks of their own.
    /// </summary>
    /// <param name="text">The text, from the beginning of a piece on.</param>
    /// <param name="final">Whether nothing comes behind it.</param>
    /// <param name="tokens">Where to; with room for a token a byte of the text.</param>
    /// <param name="tokenCount">Tokens written.</param>
    /// <returns>The bytes that were encoded; the rest is to be given again with more text behind it.</returns>
    /// <exception cref="ArgumentException">There is not room enough.</exception>
    /// <exception cref="UserErrorException">One unbroken piece is longer than the vocabulary allows (<see
    /// cref="LongestPieceBytes"/>).</exception>
    public int EncodeUtf8(ReadOnlySpan<byte> text, bool final, Span<ushort> tokens, out int tokenCount)
    {
        if (tokens.Length < text.Length)
            throw new ArgumentException($"{tokens.Length} places for {text.Length} bytes", nameof(tokens));
        tokenCount = 0;
        var position = 0;
        while (position < text.Length)
        {
            if (text.Length - position >= WindowBytes)
            {
                var encoded = EncodeWindow(text[position..], tokens[tokenCount..], ref tokenCount);
                position += encoded;
                if (encoded > 0)
                    continue;
            }

            var length = PreTokenScanner.Next(text[position..]);
            if (length > merger.LongestAtOnceBytes)
            {
                var settled = EncodeSettled(text.Slice(position, length), tokens[tokenCount..], ref tokenCount);
                position += settled;
                length -= settled;
            }

            if (!final && position + length + PreTokenScanner.LookaheadBytes > text.Length)
                break;
            tokenCount += EncodePiece(text.Slice(position, length), tokens[tokenCount..]);
            position += length;
        }

        return position;
    }

    private static UserErrorException TooLong() =>
        new($"The text has more than {LongestPieceBytes >> 20} MiB without a break between words, and the model's "
            + "vocabulary does not let them be read in parts; break the word up or leave it out.");

    // All of a long piece but its last part. What is left of it is cut as the piece is: a run of letters, numbers,
    // blanks or others stays one, and it is too long to be taken for an apostrophe with its letters, or a last blank.
    private int EncodeSettled(ReadOnlySpan<byte> piece, Span<ushort> tokens, ref int tokenCount)
    {
        var (done, written) = (0, 0);
        while (piece.Length - done > merger.LongestAtOnceBytes)
        {
            var beginning = piece.Slice(done, merger.LongestAtOnceBytes);
            var settled = merger.EncodeSettled(beginning, bytesOf, tokens[written..], out var count);
            if (settled == 0)
                throw TooLong();
            done += settled;
            written += count;
        }

        tokenCount += written;
        return done;
    }

    // The pieces at the start of the text that end within a window of ASCII; 0 when there is none. A token stands for a
    // byte at least, so that as many places as bytes are left, of which a piece of the cache takes eight.
    private int EncodeWindow(ReadOnlySpan<byte> text, Span<ushort> tokens, ref int tokenCount)
    {
        ref var first = ref MemoryMarshal.GetReference(text);
        ref var output = ref MemoryMarshal.GetReference(tokens);
        var starts = PreTokenWindow.Starts(ref first);
        var start = 0;
        var count = 0;
        for (starts &= starts - 1; starts != 0; starts &= starts - 1)
        {
            var end = BitOperations.TrailingZeroCount(starts);
            var length = end - start;
            var added = 0;
            if (length <= PieceCache.LongestPieceBytes)
            {
                added = cache.TryCopy(
                    PieceCache.Key(ref Unsafe.Add(ref first, start), length), ref Unsafe.Add(ref output, count));
            }

            count += added > 0 ? added : EncodePiece(text.Slice(start, length), tokens[count..]);
            start = end;
        }

        tokenCount += count;
        return start;
    }

    private int EncodePiece(ReadOnlySpan<byte> piece, Span<ushort> tokens)
    {
        if (piece.Length > LongPieceCache.LongestPieceBytes)
            return merger.Encode(piece, tokens);
        var isShort = piece.Length <= PieceCache.LongestPieceBytes;
        var key = isShort ? PieceCache.Key(piece) : default;
        if (isShort)
        {
            var places = (stackalloc ushort[PieceCache.WrittenTokens]);
            if (cache.TryCopy(key, ref places[0]) is > 0 and var known)
            {
                places[..known].CopyTo(tokens);
                return known;
            }
        }

        if (longCache.Find(piece) is { IsEmpty: false } found)
        {
            found.CopyTo(tokens);
            return found.Length;
        }

        var count = merger.Encode(piece, tokens);
        if (isShort && count <= PieceCache.MostTokens)
            cache.Add(key, tokens[..count]);
        else
            longCache.Add(piece, tokens[..count]);
        return count;
    }
}
