using System.IO.Compression;
using System.Text;
using System.Text.Json;
using Gpt2Cluster.Core;

namespace Gpt2Cluster.Data.Tokens;

/// <summary>
/// The tokens of GPT-2: 256 bytes, 50,000 merges and <c>&lt;|endoftext|&gt;</c>. A token's id is its merge rank, so two
/// neighbours may merge exactly when their joined bytes are a token.
/// </summary>
public sealed class Gpt2Vocabulary
{
    /// <summary>Tokens in all.</summary>
    public const int Count = 50257;

    /// <summary>The token that ends a document.</summary>
    public const int EndOfText = 50256;

    /// <summary>How that token is written in texts.</summary>
    public const string EndOfTextWord = "<|endoftext|>";

    private const int ByteCount = 256;
    private static readonly Lazy<Gpt2Vocabulary> Lazily = new(ReadBuiltIn);

    private readonly byte[][] bytesOf;
    private readonly Dictionary<byte[], int> rankOf;
    private readonly Dictionary<byte[], int>.AlternateLookup<ReadOnlySpan<byte>> rankOfSpan;
    private readonly Lazy<MergeTable> merges;

    private Gpt2Vocabulary(byte[][] bytesOf)
    {
        this.bytesOf = bytesOf;
        rankOf = new Dictionary<byte[], int>(EndOfText, ByteSequenceComparer.Instance);
        for (var id = 0; id < EndOfText; id++)
            rankOf.Add(bytesOf[id], id);
        rankOfSpan = rankOf.GetAlternateLookup<ReadOnlySpan<byte>>();
        LongestTokenBytes = bytesOf.Max(bytes => bytes.Length);
        merges = new Lazy<MergeTable>(() => new MergeTable(this));
    }

    /// <summary>OpenAI's vocabulary, which is built in. Read once, on first use.</summary>
    public static Gpt2Vocabulary BuiltIn => Lazily.Value;

    /// <summary>Length of the longest token.</summary>
    public int LongestTokenBytes { get; }

    /// <summary>What merges into what. Made once, on first use.</summary>
    internal MergeTable Merges => merges.Value;

    /// <summary>Reads <c>vocab.json</c> and <c>merges.txt</c> from a model folder.</summary>
    /// <exception cref="UserErrorException">A file is missing or is not a GPT-2 vocabulary.</exception>
    public static Gpt2Vocabulary FromFolder(string folder)
    {
        ArgumentNullException.ThrowIfNull(folder);
        using var tokens = Open(Path.Combine(folder, "vocab.json"));
        using var merges = Open(Path.Combine(folder, "merges.txt"));
        return Read(tokens, merges, folder);
    }

    /// <summary>Reads a vocabulary from the content of its two files, whatever they are called.</summary>
    /// <param name="tokens">The ids by token, as JSON.</param>
    /// <param name="merges">The merges, one a line.</param>
    /// <param name="place">Where they are from, for messages.</param>
    /// <exception cref="UserErrorException">They are not a GPT-2 vocabulary.</exception>
    public static Gpt2Vocabulary Read(Stream tokens, Stream merges, string place)
    {
        Dictionary<string, int>? ids;
        try
        {
            ids = JsonSerializer.Deserialize<Dictionary<string, int>>(tokens);
        }
        catch (JsonException error)
        {
            throw Wrong(place, $"vocab.json is not a JSON object of ids ({error.Message})");
        }

        if (ids is null || ids.Count != Count)
            throw Wrong(place, $"vocab.json has {ids?.Count ?? 0} tokens, not {Count}");
        if (!ids.TryGetValue(EndOfTextWord, out var endOfText) || endOfText != EndOfText)
            throw Wrong(place, $"vocab.json does not give {EndOfTextWord} the id {EndOfText}");
        var bytesOf = ById(ids, place);
        CheckMerges(merges, ids, place);
        return new Gpt2Vocabulary(bytesOf);
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

    /// <summary>The bytes a token stands for; the end of text stands for its word.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The id is not 0 to 50256.</exception>
    public ReadOnlySpan<byte> BytesOf(int id)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(id);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(id, Count);
        return bytesOf[id];
    }

    /// <summary>
    /// The token that is exactly these bytes, or -1. The end of text is never found: text is plain text.
    /// </summary>
    public int Find(ReadOnlySpan<byte> bytes) => rankOfSpan.TryGetValue(bytes, out var rank) ? rank : -1;

    private static Gpt2Vocabulary ReadBuiltIn()
    {
        using var tokens = OpenBuiltIn("vocab.json");
        using var merges = OpenBuiltIn("merges.txt");
        return Read(tokens, merges, "the built-in vocabulary");
    }

    private static FileStream Open(string path) => File.Exists(path)
        ? File.OpenRead(path)
        : throw new UserErrorException($"The model folder lacks {path}; add it, or remove both vocab.json and "
            + "merges.txt to use the built-in GPT-2 vocabulary.");

    private static byte[][] ById(Dictionary<string, int> ids, string place)
    {
        var bytesOf = new byte[Count][];
        foreach (var (letters, id) in ids)
        {
            if (id is < 0 or >= Count || bytesOf[id] is not null)
                throw Wrong(place, $"vocab.json gives the id {id} twice or outside 0 to {Count - 1}");
            bytesOf[id] = (id == EndOfText ? Encoding.UTF8.GetBytes(letters) : ByteLetters.ToBytes(letters))
                ?? throw Wrong(place, $"token {id} of vocab.json has a letter that stands for no byte");
            if (id < ByteCount != (bytesOf[id].Length == 1))
                throw Wrong(place, $"token {id} of vocab.json is not where GPT-2 has it (bytes first, then merges)");
        }

        return bytesOf;
    }

    // The ranks are taken from the ids; that is right only when the merges stand in the same order.
    private static void CheckMerges(Stream merges, Dictionary<string, int> ids, string place)
    {
        using var reader = new StreamReader(merges, Encoding.UTF8);
        var id = ByteCount;
        while (reader.ReadLine() is { } line)
        {
            if (line.Length == 0 || (id == ByteCount && line.StartsWith("#version", StringComparison.Ordinal)))
                continue;
            var joined = line.Replace(" ", "", StringComparison.Ordinal);
            if (id >= EndOfText || !ids.TryGetValue(joined, out var rank) || rank != id)
                throw Wrong(place, $"merge {id - ByteCount + 1} of merges.txt is not token {id} of vocab.json");
            id++;
        }

        if (id != EndOfText)
            throw Wrong(place, $"merges.txt has {id - ByteCount} merges, not {EndOfText - ByteCount}");
    }

    private static UserErrorException Wrong(string place, string fault) =>
        new($"{place}: {fault}; only GPT-2's vocabulary can be used.");
}
