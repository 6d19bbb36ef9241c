using System.Text.Encodings.Web;
using System.Text.Json;
using Gpt2Cluster.Data.Tokens;

namespace Gpt2Cluster.Data.Models.Exports;

/// <summary>
/// Writes <c>tokenizer.json</c>, one file with all that Hugging Face's tokenizers need: GPT-2's byte-level pairs, as
/// <c>GPT2TokenizerFast</c> saves them (https://huggingface.co/docs/tokenizers/api/models).
/// </summary>
internal static class TokenizerJson
{
    public const string FileName = "tokenizer.json";

    private static readonly JsonWriterOptions Options = new()
    {
        Indented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>Writes it.</summary>
    /// <param name="output">Where to; stays open.</param>
    /// <param name="vocabulary">The vocabulary.</param>
    public static void Write(Stream output, Gpt2Vocabulary vocabulary)
    {
        using var writer = new Utf8JsonWriter(output, Options);
        writer.WriteStartObject();
        writer.WriteString("version", "1.0");
        writer.WriteNull("truncation");
        writer.WriteNull("padding");
        writer.WriteStartArray("added_tokens");
        foreach (var (id, word) in vocabulary.Special)
            WriteSpecial(writer, id, word);
        writer.WriteEndArray();
        writer.WriteNull("normalizer");
        WriteByteLevel(writer, "pre_tokenizer", addsBlank: false, trims: true);
        WriteByteLevel(writer, "post_processor", addsBlank: true, trims: false);
        WriteByteLevel(writer, "decoder", addsBlank: true, trims: true);
        WriteModel(writer, vocabulary);
        writer.WriteEndObject();
    }

    private static void WriteSpecial(Utf8JsonWriter writer, int id, string word)
    {
        writer.WriteStartObject();
        writer.WriteNumber("id", id);
        writer.WriteString("content", word);
        writer.WriteBoolean("single_word", false);
        writer.WriteBoolean("lstrip", false);
        writer.WriteBoolean("rstrip", false);
        writer.WriteBoolean("normalized", true);
        writer.WriteBoolean("special", true);
        writer.WriteEndObject();
    }

    private static void WriteByteLevel(Utf8JsonWriter writer, string name, bool addsBlank, bool trims)
    {
        writer.WriteStartObject(name);
        writer.WriteString("type", "ByteLevel");
        writer.WriteBoolean("add_prefix_space", addsBlank);
        writer.WriteBoolean("trim_offsets", trims);
        writer.WriteBoolean("use_regex", true);
        writer.WriteEndObject();
    }

    private static void WriteModel(Utf8JsonWriter writer, Gpt2Vocabulary vocabulary)
    {
        writer.WriteStartObject("model");
        writer.WriteString("type", "BPE");
        writer.WriteNull("dropout");
        writer.WriteNull("unk_token");
        writer.WriteString("continuing_subword_prefix", "");
        writer.WriteString("end_of_word_suffix", "");
        writer.WriteBoolean("fuse_unk", false);
        writer.WriteBoolean("byte_fallback", false);
        writer.WriteBoolean("ignore_merges", false);
        writer.WriteStartObject("vocab");
        for (var id = 0; id < vocabulary.Count; id++)
        {
            if (vocabulary.WordOf(id) is { } word)
                writer.WriteNumber(word, id);
        }

        writer.WriteEndObject();
        writer.WriteStartArray("merges");
        foreach (var merge in VocabularyContent.MergeWords(vocabulary))
            writer.WriteStringValue(merge);
        writer.WriteEndArray();
        writer.WriteEndObject();
    }
}
