using System.Collections;
using System.IO.Compression;
using System.Text;
using Gpt2Cluster.Core;

namespace Gpt2Cluster.Data.Tokens;

/// <summary>Two tokens that may become one; the first merge of a vocabulary is made before all others.</summary>
/// <param name="Left">Id of the left one.</param>
/// <param name="Right">Id of the right one.</param>
/// <param name="Result">Id of what they become.</param>
public readonly record struct TokenMerge(ushort Left, ushort Right, ushort Result);

/// <summary>What is known of a vocabulary's end-of-text token besides its tokens.</summary>
/// <param name="Id">Its id, as a model's configuration says; null where it says none.</param>
/// <param name="Word">The token's own word, as a tokenizer's configuration says; null where it says none.</param>
public readonly record struct EndOfTextHint(int? Id = null, string? Word = null);

/// <summary>
/// A vocabulary of GPT-2's kind: 256 bytes, merges of bytes, and special tokens that no text is made of, at any ids up
/// to 65,535. Ids that no token has are holes. OpenAI's is built in; models may bring their own. Never changes; safe
/// from several threads.
/// </summary>
public sealed class Gpt2Vocabulary
{
    /// <summary>How the end of a document is written in texts, whatever the vocabulary calls its token.</summary>
    public const string EndOfTextWord = "<|endoftext|>";

    /// <summary>Most ids: tokens are stored in 16 bits.</summary>
    public const int MostTokens = 1 << 16;

    /// <summary>How many ids OpenAI's vocabulary has.</summary>
    public const int BuiltInCount = 50257;

    private static readonly Lazy<Gpt2Vocabulary> Lazily = new(ReadBuiltIn);

    private readonly byte[][] bytesOf;
    private readonly BitArray isText;
    private readonly TokenMerge[] merges;
    private readonly Lazy<MergeTable> table;
    private readonly Lazy<string> sha256;

    /// <param name="bytesOf">The bytes of each id that texts are made of; null for others.</param>
    /// <param name="merges">The merges, first to last.</param>
    /// <param name="special">The words of the other tokens, by id.</param>
    /// <param name="endOfText">One of those; null where none is.</param>
    internal Gpt2Vocabulary(
        byte[]?[] bytesOf, TokenMerge[] merges, IReadOnlyDictionary<int, string> special, int? endOfText)
    {
        this.bytesOf =
            [.. bytesOf.Select((bytes, id) => bytes ?? Encoding.UTF8.GetBytes(special.GetValueOrDefault(id) ?? ""))];
        isText = new BitArray([.. bytesOf.Select(bytes => bytes is not null)]);
        this.merges = merges;
        Special = special;
        EndOfText = endOfText;
        NeverDrawn = [.. Enumerable.Range(0, bytesOf.Length).Where(id => bytesOf[id] is null && id != endOfText)];
        RowsNeeded = 1 + Math.Max(Array.FindLastIndex(bytesOf, bytes => bytes is not null), endOfText ?? -1);
        LongestTokenBytes = this.bytesOf.Max(bytes => bytes.Length);
        table = new Lazy<MergeTable>(() => new MergeTable(this));
        sha256 = new Lazy<string>(() => VocabularyContent.Sha256(this));
    }

    /// <summary>OpenAI's vocabulary, which is built in. Read once, on first use.</summary>
    public static Gpt2Vocabulary BuiltIn => Lazily.Value;

    /// <summary>The highest id and one: tokens and holes.</summary>
    public int Count => bytesOf.Length;

    /// <summary>The token that ends a document and begins a text; null where the vocabulary has none.</summary>
    public int? EndOfText { get; }

    /// <summary>The tokens that no text is made of, by id: their words.</summary>
    public IReadOnlyDictionary<int, string> Special { get; }

    /// <summary>The ids that a model never writes, ascending: holes, and special tokens but the end of text.</summary>
    public IReadOnlyList<int> NeverDrawn { get; }

    /// <summary>Rows that a model's token embedding needs for all texts and their ends.</summary>
    public int RowsNeeded { get; }

    /// <summary>Length of the longest token.</summary>
    public int LongestTokenBytes { get; }

    /// <summary>The merges, first to last.</summary>
    public IReadOnlyList<TokenMerge> MergeList => merges;

    /// <summary>SHA-256 of its content (<see cref="VocabularyContent"/>), lower-case hexadecimal: its name.</summary>
    public string Sha256 => sha256.Value;

    /// <summary>What runs call it: <see cref="Sha256"/>, or null for OpenAI's, which every program has.</summary>
    public string? Reference => ReferenceEquals(this, BuiltIn) ? null : Sha256;

    /// <summary>What merges into what. Made once, on first use.</summary>
    internal MergeTable Merges => table.Value;

    /// <summary>Reads a vocabulary from the content of its two files, whatever they are called.</summary>
    /// <param name="tokens">The ids by token, as JSON.</param>
    /// <param name="merges">The merges, one a line.</param>
    /// <param name="hint">What is known of its end-of-text token.</param>
    /// <param name="place">Where they are from, for messages.</param>
    /// <returns>It; OpenAI's is always <see cref="BuiltIn"/>.</returns>
    /// <exception cref="UserErrorException">They are no vocabulary of GPT-2's kind.</exception>
    public static Gpt2Vocabulary Read(Stream tokens, Stream merges, EndOfTextHint hint, string place) =>
        Read(VocabularyReader.Tokens(tokens, place), VocabularyReader.MergeLines(merges), hint, place);

    /// <summary>Makes a vocabulary of tokens and merges, both in <c>vocab.json</c>'s letters.</summary>
    /// <param name="tokens">Tokens and their ids.</param>
    /// <param name="merges">The merges, two tokens with a blank between.</param>
    /// <param name="hint">What is known of its end-of-text token.</param>
    /// <param name="place">Where they are from, for messages.</param>
    /// <returns>It; OpenAI's is always <see cref="BuiltIn"/>.</returns>
    /// <exception cref="UserErrorException">They are no vocabulary of GPT-2's kind.</exception>
    public static Gpt2Vocabulary Read(
        IReadOnlyDictionary<string, int> tokens, IEnumerable<string> merges, EndOfTextHint hint, string place)
    {
        var read = new VocabularyReader(place).Read(tokens, merges, hint);
        return read.Count == BuiltInCount && read.IsSameAs(BuiltIn) ? BuiltIn : read;
    }

    /// <summary>Whether the folder has both vocabulary files.</summary>
    public static bool IsIn(string folder) =>
        File.Exists(Path.Combine(folder, "vocab.json")) && File.Exists(Path.Combine(folder, "merges.txt"));

    /// <summary>The built-in <c>vocab.json</c> or <c>merges.txt</c>, byte for byte as OpenAI published it.</summary>
    public static Stream OpenBuiltIn(string fileName)
    {
        var packed = typeof(Gpt2Vocabulary).Assembly.GetManifestResourceStream(fileName + ".gz")
            ?? throw new ArgumentException($"there is no built-in {fileName}", nameof(fileName));
        return new GZipStream(packed, CompressionMode.Decompress);
    }

    /// <summary>Its <c>vocab.json</c> or <c>merges.txt</c>: OpenAI's as published, others written anew.</summary>
    public Stream OpenFile(string fileName) => Reference is null
        ? OpenBuiltIn(fileName)
        : fileName == "vocab.json"
            ? VocabularyContent.Tokens(this)
            : VocabularyContent.Merges(this);

    /// <summary>Whether texts are made of a token: it is a byte or made by a merge.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The id is not below <see cref="Count"/>.</exception>
    public bool IsText(int id) => isText[Checked(id)];

    /// <summary>The bytes that a token stands for; a special one stands for its word, a hole for nothing.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The id is not below <see cref="Count"/>.</exception>
    public ReadOnlySpan<byte> BytesOf(int id) => bytesOf[Checked(id)];

    /// <summary>
    /// A token as <c>vocab.json</c> has it: letters for bytes, or a special token's word; null for a hole.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The id is not below <see cref="Count"/>.</exception>
    public string? WordOf(int id) => IsText(id) ? ByteLetters.ToLetters(bytesOf[id]) : Special.GetValueOrDefault(id);

    /// <summary>Refuses a model whose embedding has fewer rows than texts have tokens.</summary>
    /// <param name="rows">Rows of the model's token embedding.</param>
    /// <param name="model">The model, for the message.</param>
    /// <exception cref="UserErrorException">There are fewer.</exception>
    public void CheckRows(int rows, string model)
    {
        if (rows >= RowsNeeded)
            return;
        throw new UserErrorException(Reference is null
            ? $"{model} has {rows} tokens, and texts are made of GPT-2's {RowsNeeded}; choose a model with all of "
                + "them, or put its own vocab.json and merges.txt beside it."
            : $"{model} has {rows} tokens, and its vocabulary makes texts of {RowsNeeded}; put the vocabulary beside "
                + "it that it was trained with.");
    }

    /// <summary>
    /// The end-of-text token as the configuration of a model says it: a model that has fewer rows than texts need has
    /// its last one.
    /// </summary>
    /// <param name="rows">Rows of the model's token embedding.</param>
    public int? EndOfTextOf(int rows) => rows >= RowsNeeded ? EndOfText : rows - 1;

    private int Checked(int id)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(id);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(id, Count);
        return id;
    }

    private bool IsSameAs(Gpt2Vocabulary other) => Count == other.Count && EndOfText == other.EndOfText
        && merges.AsSpan().SequenceEqual(other.merges)
        && bytesOf.Zip(other.bytesOf, (own, others) => own.AsSpan().SequenceEqual(others)).All(isSame => isSame);

    private static Gpt2Vocabulary ReadBuiltIn()
    {
        const string place = "the built-in vocabulary";
        using var tokens = OpenBuiltIn("vocab.json");
        using var merges = OpenBuiltIn("merges.txt");
        return new VocabularyReader(place).Read(
            VocabularyReader.Tokens(tokens, place), VocabularyReader.MergeLines(merges), default);
    }
}
