using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Gpt2Cluster.Core;

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

    /// <summary>Its content as <c>vocab.json</c> or <c>merges.txt</c>.</summary>
    /// <param name="path">The file.</param>
    /// <param name="fileName">Which of the two.</param>
    /// <exception cref="UserErrorException">It is no such tokenizer.</exception>
    public static MemoryStream Open(string path, string fileName) => JsonFile.Read(path, LongestBytes, root =>
    {
        var model = Object(path, root, "model");
        Check(path, root, model);
        return fileName == "vocab.json" ? Vocabulary(path, root, model) : Merges(path, model);
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

    private static MemoryStream Vocabulary(string path, JsonElement root, JsonElement model)
    {
        var content = new MemoryStream();
        var names = new HashSet<string>(StringComparer.Ordinal);
        var options = new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
        using (var writer = new Utf8JsonWriter(content, options))
        {
            writer.WriteStartObject();
            foreach (var token in Object(path, model, "vocab").EnumerateObject())
                Write(writer, token.Name, token.Value);
            if (root.TryGetProperty("added_tokens", out var added) && added.ValueKind == JsonValueKind.Array)
            {
                foreach (var token in added.EnumerateArray())
                    WriteAdded(writer, token);
            }

            writer.WriteEndObject();
        }

        content.Position = 0;
        return content;

        void Write(Utf8JsonWriter writer, string token, JsonElement id)
        {
            if (id.ValueKind != JsonValueKind.Number || !id.TryGetInt32(out var number))
                throw Wrong(path, $"the id of \"{token}\" is {JsonFile.Quote(id)}");
            if (!names.Add(token))
                throw Wrong(path, $"its vocab has \"{token}\" twice");
            writer.WriteNumber(token, number);
        }

        void WriteAdded(Utf8JsonWriter writer, JsonElement token)
        {
            if (token.ValueKind != JsonValueKind.Object || !token.TryGetProperty("content", out var text)
                || text.ValueKind != JsonValueKind.String || !token.TryGetProperty("id", out var id))
                throw Wrong(path, "added_tokens has one without content and id");
            if (!names.Contains(text.GetString()!))
                Write(writer, text.GetString()!, id);
        }
    }

    private static MemoryStream Merges(string path, JsonElement model)
    {
        if (!model.TryGetProperty("merges", out var merges) || merges.ValueKind != JsonValueKind.Array)
            throw Wrong(path, "model.merges is no list");
        var content = new MemoryStream();
        using (var writer = new StreamWriter(content, new UTF8Encoding(false), leaveOpen: true) { NewLine = "\n" })
        {
            writer.WriteLine("#version: 0.2");
            foreach (var merge in merges.EnumerateArray())
                writer.WriteLine(Merge(path, merge));
        }

        content.Position = 0;
        return content;
    }

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
