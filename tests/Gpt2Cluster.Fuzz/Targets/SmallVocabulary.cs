using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Gpt2Cluster.Data.Tokens;

namespace Gpt2Cluster.Fuzz.Targets;

/// <summary>
/// A sound vocabulary that is read in microseconds: GPT-2's bytes, the first of its merges, and the end of a text.
/// </summary>
internal static class SmallVocabulary
{
    private const int ByteCount = 256;
    private const int MergeCount = 32;

    /// <summary>Tokens and their ids, as <c>vocab.json</c>.</summary>
    public static byte[] Tokens { get; } = JsonSerializer.SerializeToUtf8Bytes(Ids());

    /// <summary>The merges, first to last, as <c>merges.txt</c> has them, without its first line.</summary>
    public static IReadOnlyList<string> Merges { get; } = [.. FirstMerges()];

    /// <summary>The same as <c>merges.txt</c>.</summary>
    public static byte[] MergesFile { get; } =
        Encoding.UTF8.GetBytes("#version: 0.2\n" + string.Concat(Merges.Select(merge => merge + "\n")));

    /// <summary>Both, as Hugging Face's <c>tokenizer.json</c>.</summary>
    public static string Tokenizer { get; } = new JsonObject
    {
        ["version"] = "1.0",
        ["added_tokens"] = new JsonArray(new JsonObject
        {
            ["id"] = ByteCount + MergeCount,
            ["content"] = Gpt2Vocabulary.EndOfTextWord,
            ["special"] = true,
        }),
        ["normalizer"] = null,
        ["pre_tokenizer"] = new JsonObject
        {
            ["type"] = "ByteLevel",
            ["add_prefix_space"] = false,
            ["use_regex"] = true,
        },
        ["model"] = new JsonObject
        {
            ["type"] = "BPE",
            ["dropout"] = null,
            ["unk_token"] = null,
            ["byte_fallback"] = false,
            ["vocab"] = JsonNode.Parse(Tokens),
            ["merges"] = new JsonArray([.. Merges.Select(merge => JsonValue.Create(merge))]),
        },
    }.ToJsonString(new JsonSerializerOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });

    private static Dictionary<string, int> Ids()
    {
        using var stream = Gpt2Vocabulary.OpenBuiltIn("vocab.json");
        var small = JsonSerializer.Deserialize<Dictionary<string, int>>(stream)!
            .Where(token => token.Value < ByteCount + MergeCount)
            .ToDictionary(StringComparer.Ordinal);
        small[Gpt2Vocabulary.EndOfTextWord] = ByteCount + MergeCount;
        return small;
    }

    private static IEnumerable<string> FirstMerges()
    {
        using var lines = new StreamReader(Gpt2Vocabulary.OpenBuiltIn("merges.txt"));
        lines.ReadLine();
        for (var merge = 0; merge < MergeCount; merge++)
            yield return lines.ReadLine()!;
    }
}
