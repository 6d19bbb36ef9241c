using System.Text;
using System.Text.Unicode;
using Gpt2Cluster.Core;
using Microsoft.ML.Tokenizers;

namespace Gpt2Cluster.Data.Tokens;

/// <summary>
/// GPT-2's tokeniser. Text is encoded plainly: <c>&lt;|endoftext|&gt;</c> is ordinary text here, and documents are
/// parted by adding <see cref="Gpt2Vocabulary.EndOfText"/>. Microsoft.ML.Tokenizers merges the pieces of usual
/// length; the pieces are cut by <see cref="PreTokenScanner"/>, and long ones go to <see cref="BytePairMerger"/>,
/// because the library is quadratic in a piece's length. An instance caches pieces and belongs to one thread at a
/// time. <c>Gpt2TokenizerTests.Measures_its_own_speed</c> prints its speed on tinyshakespeare.
/// </summary>
public sealed class Gpt2Tokenizer
{
    /// <summary>Most bytes of one unbroken piece; merging such a piece took 9 s and 220 MB.</summary>
    public const int LongestPieceBytes = 8 << 20;

    private const int LongestCachedPieceBytes = 64;
    private const int CachedPieceLimit = 1 << 16;
    private const int LibraryCacheLimit = 1;

    private readonly Tokenizer library;
    private readonly BytePairMerger merger;
    private readonly List<int> scratch = [];
    private readonly Dictionary<byte[], int[]> pieces;
    private readonly Dictionary<byte[], int[]>.AlternateLookup<ReadOnlySpan<byte>> piecesBySpan;

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
        using var ranks = vocabulary.ToTiktokenRanks();
        library = TiktokenTokenizer.Create(ranks, preTokenizer: null, normalizer: null, cacheSize: LibraryCacheLimit);
        merger = new BytePairMerger(vocabulary);
        pieces = new Dictionary<byte[], int[]>(ByteSequenceComparer.Instance);
        piecesBySpan = pieces.GetAlternateLookup<ReadOnlySpan<byte>>();
    }

    /// <summary>The tokens it knows.</summary>
    public Gpt2Vocabulary Vocabulary { get; }

    /// <summary>The tokens of a text. Lone surrogates become U+FFFD.</summary>
    public IReadOnlyList<int> Encode(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var tokens = new List<int>(text.Length / 3);
        EncodeUtf8(Encoding.UTF8.GetBytes(text), final: true, tokens);
        return tokens;
    }

    /// <summary>The text of tokens; bytes that are no UTF-8 become U+FFFD.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A token is not 0 to 50256.</exception>
    public string Decode(IEnumerable<int> tokens) => Encoding.UTF8.GetString(DecodeBytes(tokens));

    /// <summary>The bytes of tokens.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A token is not 0 to 50256.</exception>
    public byte[] DecodeBytes(IEnumerable<int> tokens)
    {
        ArgumentNullException.ThrowIfNull(tokens);
        using var bytes = new MemoryStream();
        foreach (var token in tokens)
            bytes.Write(Vocabulary.BytesOf(token));
        return bytes.ToArray();
    }

    /// <summary>
    /// Appends the tokens of UTF-8 text. Unless <paramref name="final"/>, pieces that more text could still lengthen
    /// are left.
    /// </summary>
    /// <returns>The bytes that were encoded; the rest is to be given again with more text behind it.</returns>
    /// <exception cref="UserErrorException">One unbroken piece is longer than <see
    /// cref="LongestPieceBytes"/>.</exception>
    public int EncodeUtf8(ReadOnlySpan<byte> text, bool final, List<int> tokens)
    {
        ArgumentNullException.ThrowIfNull(tokens);
        var position = 0;
        while (position < text.Length)
        {
            var length = PreTokenScanner.Next(text[position..]);
            if (length > LongestPieceBytes)
                throw TooLong();
            if (!final && position + length + PreTokenScanner.LookaheadBytes > text.Length)
                break;
            EncodePiece(text.Slice(position, length), tokens);
            position += length;
        }

        return position;
    }

    internal static UserErrorException TooLong() =>
        new($"The text has more than {LongestPieceBytes >> 20} MiB without a break between words; "
            + "this is hardly text: break it up or leave it out.");

    private void EncodePiece(ReadOnlySpan<byte> piece, List<int> tokens)
    {
        if (piecesBySpan.TryGetValue(piece, out var known))
        {
            tokens.AddRange(known);
            return;
        }

        if (piece.Length > LongestCachedPieceBytes)
        {
            merger.Encode(piece, tokens);
            return;
        }

        var made = MergeShort(piece);
        if (pieces.Count >= CachedPieceLimit)
            pieces.Clear();
        piecesBySpan[piece] = made;
        tokens.AddRange(made);
    }

    private int[] MergeShort(ReadOnlySpan<byte> piece)
    {
        if (Utf8.IsValid(piece))
        {
            return [.. library.EncodeToIds(
                Encoding.UTF8.GetString(piece), considerPreTokenization: false, considerNormalization: false)];
        }

        // The library takes strings, which cannot hold these bytes.
        scratch.Clear();
        merger.Encode(piece, scratch);
        return [.. scratch];
    }
}
