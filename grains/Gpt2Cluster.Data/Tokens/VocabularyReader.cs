using System.Text;
using System.Text.Json;
using Gpt2Cluster.Core;

namespace Gpt2Cluster.Data.Tokens;

/// <summary>
/// Makes vocabularies of what their files say, and refuses what is no byte-level byte-pair encoding. A token is text if
/// it is a byte or some merge makes it; whatever else has an id is special.
/// </summary>
/// <param name="place">Where the files are from, for messages.</param>
internal sealed class VocabularyReader(string place)
{
    private const int ByteCount = 256;
    private const int MostMerges = MergeTable.None - ByteCount;

    // The end of a sequence in vocabularies that ByteLevelBPETokenizer trains with RoBERTa's special tokens.
    private const string EndOfSequenceWord = "</s>";

    /// <summary>The content of <c>vocab.json</c>.</summary>
    /// <exception cref="UserErrorException">It is no object of ids.</exception>
    public static Dictionary<string, int> Tokens(Stream json, string place)
    {
        try
        {
            return JsonSerializer.Deserialize<Dictionary<string, int>>(json)
                ?? throw Wrong(place, "vocab.json holds nothing");
        }
        catch (JsonException error)
        {
            throw Wrong(place, $"vocab.json is not a JSON object of ids ({error.Message.TrimEnd('.')})");
        }
    }

    /// <summary>The merges of <c>merges.txt</c>.</summary>
    public static IEnumerable<string> MergeLines(Stream text)
    {
        using var reader = new StreamReader(text, Encoding.UTF8);
        var isFirst = true;
        while (reader.ReadLine() is { } line)
        {
            if (line.Length > 0 && !(isFirst && line.StartsWith("#version", StringComparison.Ordinal)))
                yield return line;
            isFirst = false;
        }
    }

    /// <summary>Makes the vocabulary.</summary>
    /// <exception cref="UserErrorException">It is none of GPT-2's kind.</exception>
    public Gpt2Vocabulary Read(
        IReadOnlyDictionary<string, int> tokens, IEnumerable<string> mergeLines, EndOfTextHint hint)
    {
        var words = ById(tokens);
        var bytesOf = new byte[]?[words.Length];
        foreach (var (letters, value) in Bytes())
        {
            if (!tokens.TryGetValue(letters, out var id))
                throw Wrong($"vocab.json has no token \"{letters}\" for the byte 0x{value:X2}");
            bytesOf[id] = [value];
        }

        var merges = Merges(tokens, mergeLines, bytesOf);
        var special = new SortedDictionary<int, string>();
        for (var id = 0; id < words.Length; id++)
        {
            if (words[id] is { } word && bytesOf[id] is null)
                special.Add(id, word);
        }

        return new Gpt2Vocabulary(bytesOf, merges, special, End(special, hint));
    }

    /// <summary>
    /// The end-of-text token: the one of the model's configuration if it is special, the tokenizer's own, GPT-2's word,
    /// or <c>&lt;/s&gt;</c>. A configuration often keeps 50256 whatever its vocabulary has there.
    /// </summary>
    private static int? End(SortedDictionary<int, string> special, EndOfTextHint hint)
    {
        if (hint.Id is { } named && special.ContainsKey(named))
            return named;
        foreach (var word in new[] { hint.Word, Gpt2Vocabulary.EndOfTextWord, EndOfSequenceWord })
        {
            foreach (var (id, other) in special)
            {
                if (other == word)
                    return id;
            }
        }

        return null;
    }

    /// <summary>Gives the merges, and fills in the bytes of what they make.</summary>
    private TokenMerge[] Merges(
        IReadOnlyDictionary<string, int> tokens, IEnumerable<string> lines, byte[]?[] bytesOf)
    {
        var merges = new List<TokenMerge>();
        foreach (var line in lines)
        {
            var parts = line.Split(' ');
            var number = merges.Count + 1;
            if (parts.Length != 2 || parts[0].Length == 0 || parts[1].Length == 0)
                throw Wrong($"merge {number} of merges.txt is not two tokens with a blank between");
            foreach (var word in new[] { parts[0], parts[1], parts[0] + parts[1] })
            {
                if (!tokens.ContainsKey(word))
                    throw Wrong($"merge {number} of merges.txt has \"{word}\", which is no token of vocab.json");
            }

            var result = tokens[parts[0] + parts[1]];
            bytesOf[result] ??= ByteLetters.ToBytes(parts[0] + parts[1])
                ?? throw Wrong($"merge {number} of merges.txt has a letter that stands for no byte");
            merges.Add(new TokenMerge((ushort)tokens[parts[0]], (ushort)tokens[parts[1]], (ushort)result));
        }

        for (var index = 0; index < merges.Count; index++)
        {
            if (bytesOf[merges[index].Left] is null || bytesOf[merges[index].Right] is null)
                throw Wrong($"merge {index + 1} of merges.txt joins a token that is no byte and that no merge makes");
        }

        if (merges.Count > MostMerges)
            throw Wrong($"merges.txt has {merges.Count} merges, and {MostMerges} are the most");
        return WithoutRepeats(merges);
    }

    // Of two merges of one pair the later one counts, as in OpenAI's encoder.py and Hugging Face's tokenizers.
    private static TokenMerge[] WithoutRepeats(List<TokenMerge> merges)
    {
        var last = new Dictionary<(ushort Left, ushort Right), int>(merges.Count);
        for (var index = 0; index < merges.Count; index++)
            last[(merges[index].Left, merges[index].Right)] = index;
        return last.Count == merges.Count
            ? [.. merges]
            : [.. merges.Where((merge, index) => last[(merge.Left, merge.Right)] == index)];
    }

    private static IEnumerable<(string Letters, byte Value)> Bytes() => Enumerable.Range(0, ByteCount)
        .Select(value => (ByteLetters.Letter((byte)value).ToString(), (byte)value));

    private string?[] ById(IReadOnlyDictionary<string, int> tokens)
    {
        foreach (var (word, id) in tokens)
        {
            if (id is < 0 or >= Gpt2Vocabulary.MostTokens)
            {
                throw Wrong($"vocab.json gives \"{word}\" the id {id}, and ids are 0 to "
                    + $"{Gpt2Vocabulary.MostTokens - 1}");
            }
        }

        var words = new string?[tokens.Count == 0 ? 0 : tokens.Values.Max() + 1];
        foreach (var (word, id) in tokens)
        {
            if (words[id] is { } other)
                throw Wrong($"vocab.json gives \"{word}\" the id {id}, which is \"{other}\"");
            words[id] = word;
        }

        return words;
    }

    private static UserErrorException Wrong(string place, string fault) =>
        new($"{place}: {fault}; a vocabulary of GPT-2's kind is needed, a byte-level byte-pair encoding.");

    private UserErrorException Wrong(string fault) => Wrong(place, fault);
}
