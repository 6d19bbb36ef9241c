using System.Text.Json;
using Gpt2Cluster.Core;
using Gpt2Cluster.Data.Tokens;

namespace Gpt2Cluster.Data.Models.HuggingFace;

/// <summary>
/// <c>tokenizer.json</c>, as Hugging Face's tokenizers library writes it: its vocabulary and merges, where it is a
/// byte-level byte-pair encoding that cuts texts as GPT-2 does; otherwise a message says what in it is something else.
/// </summary>
internal static class TokenizerFile
{
    /// <summary>The file's name.</summary>
    public const string FileName = "tokenizer.json";

    private const int LongestBytes = 64 << 20;

    /// <summary>Reads its vocabulary.</summary>
    /// <param name="path">The file.</param>
    /// <param name="hint">What is known of the end-of-text token, which it does not say.</param>
    /// <exception cref="UserErrorException">It is no such tokenizer.</exception>
    public static Gpt2Vocabulary Read(string path, EndOfTextHint hint) => JsonFile.Read(path, LongestBytes, root =>
    {
        var model = Object(path, root, "model");
        Check(path, root, model);
        return Gpt2Vocabulary.Read(Tokens(path, root, model), Merges(path, model), hint, path);
    });

    private static void Check(string path, JsonElement root, JsonElement model)
    {
        Expect(path, model, "model.type", value => value.ValueEquals("BPE"), "\"BPE\"");
        foreach (var field in new[] { "model.dropout", "model.unk_token", "model.continuing_subword_prefix" })
            Expect(path, model, field, IsNone, "null");
        Expect(path, model, "model.end_of_word_suffix", IsNone, "null");
        Expect(path, model, "model.byte_fallback", IsFalse, "false");
        Expect(path, model, "model.ignore_merges", IsFalse, "false");
        Expect(path, root, "normalizer", IsNone, "null");
        var cutting = Object(path, root, "pre_tokenizer");
        Expect(path, cutting, "pre_tokenizer.type", value => value.ValueEquals("ByteLevel"), "\"ByteLevel\"");
        Expect(path, cutting, "pre_tokenizer.add_prefix_space", IsFalse, "false");
        Expect(path, cutting, "pre_tokenizer.use_regex", value => value.ValueKind is JsonValueKind.True, "true");
    }

    // A text of no letters counts as none, as the library writes both.
    private static bool IsNone(JsonElement value) => value.ValueKind == JsonValueKind.Null
        || (value.ValueKind == JsonValueKind.String && value.ValueEquals(""));

    private static bool IsFalse(JsonElement value) => value.ValueKind is JsonValueKind.False or JsonValueKind.Null;

    /// <summary>Looks at the last part of a field's name; a field that is not there is as it should be.</summary>
    private static void Expect(
        string path, JsonElement owner, string field, Func<JsonElement, bool> isSound, string supported)
    {
        var isText = supported.StartsWith('"');
        if (!owner.TryGetProperty(field[(field.LastIndexOf('.') + 1)..], out var value))
            return;
        if (isText ? value.ValueKind != JsonValueKind.String || !isSound(value) : !isSound(value))
            throw Wrong(path, $"{field} is {JsonFile.Quote(value)}, only {supported} is supported");
    }

    private static Dictionary<string, int> Tokens(string path, JsonElement root, JsonElement model)
    {
        var tokens = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var token in Object(path, model, "vocab").EnumerateObject())
            Add(token.Name, token.Value);
        if (root.TryGetProperty("added_tokens", out var added) && added.ValueKind == JsonValueKind.Array)
        {
            foreach (var token in added.EnumerateArray())
                AddSpecial(token);
        }

        return tokens;

        void Add(string token, JsonElement id)
        {
            if (id.ValueKind != JsonValueKind.Number || !id.TryGetInt32(out var number))
                throw Wrong(path, $"the id of \"{token}\" is {JsonFile.Quote(id)}");
            if (!tokens.TryAdd(token, number))
                throw Wrong(path, $"its vocab has \"{token}\" twice");
        }

        void AddSpecial(JsonElement token)
        {
            if (token.ValueKind != JsonValueKind.Object || !token.TryGetProperty("content", out var text)
                || text.ValueKind != JsonValueKind.String || !token.TryGetProperty("id", out var id))
                throw Wrong(path, "added_tokens has one without content and id");
            if (!tokens.ContainsKey(text.GetString()!))
                Add(text.GetString()!, id);
        }
    }

    private static List<string> Merges(string path, JsonElement model) =>
        model.TryGetProperty("merges", out var merges) && merges.ValueKind == JsonValueKind.Array
            ? [.. merges.EnumerateArray().Select(merge => Merge(path, merge))]
            : throw Wrong(path, "model.merges is no list");

    // "a b" of older versions of the library, ["a", "b"] of newer ones.
    private static string Merge(string path, JsonElement merge)
    {
        if (merge.ValueKind == JsonValueKind.String)
            return merge.GetString()!;
        return merge.ValueKind == JsonValueKind.Array && merge.GetArrayLength() == 2
            && merge.EnumerateArray().All(part => part.ValueKind == JsonValueKind.String)
            ? $"{merge[0].GetString()} {merge[1].GetString()}"
            : throw Wrong(path, $"{JsonFile.Quote(merge)} in model.merges is no merge");
    }

    private static JsonElement Object(string path, JsonElement owner, string field) =>
        owner.TryGetProperty(field, out var value) && value.ValueKind == JsonValueKind.Object
            ? value
            : throw Wrong(path, $"{field} is missing or no object");

    private static UserErrorException Wrong(string path, string fault) => new($"{path} cannot be used: {fault}; put "
        + "vocab.json and merges.txt of a byte-level vocabulary beside the model, or remove it to use GPT-2's own.");
}
