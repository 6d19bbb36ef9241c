using System.Security.Cryptography;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Gpt2Cluster.Data.Tokens;

/// <summary>
/// A vocabulary as files: <c>vocab.json</c> and <c>merges.txt</c> as Hugging Face's transformers read them, and one
/// file of our own that has both and the end-of-text token. The same vocabulary always gives the same bytes.
/// </summary>
internal static class VocabularyContent
{
    private const string EndOfTextField = "end_of_text";
    private const string TokensField = "tokens";
    private const string MergesField = "merges";

    private static readonly JsonWriterOptions Options = new()
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary><c>vocab.json</c>: ids by token, ascending.</summary>
    public static MemoryStream Tokens(Gpt2Vocabulary vocabulary)
    {
        var content = new MemoryStream();
        using (var writer = new Utf8JsonWriter(content, Options))
        {
            writer.WriteStartObject();
            WriteTokens(writer, vocabulary);
            writer.WriteEndObject();
        }

        content.Position = 0;
        return content;
    }

    /// <summary><c>merges.txt</c>: one merge a line behind a line with the format's version.</summary>
    public static MemoryStream Merges(Gpt2Vocabulary vocabulary)
    {
        var content = new MemoryStream();
        using (var writer = new StreamWriter(content, new UTF8Encoding(false), leaveOpen: true) { NewLine = "\n" })
        {
            writer.WriteLine("#version: 0.2");
            foreach (var merge in MergeWords(vocabulary))
                writer.WriteLine(merge);
        }

        content.Position = 0;
        return content;
    }

    /// <summary>The merges, first to last: two tokens with a blank between.</summary>
    public static IEnumerable<string> MergeWords(Gpt2Vocabulary vocabulary) => vocabulary.MergeList.Select(
        merge => $"{vocabulary.WordOf(merge.Left)} {vocabulary.WordOf(merge.Right)}");

    /// <summary>Writes the one file.</summary>
    public static byte[] Write(Gpt2Vocabulary vocabulary)
    {
        using var content = new MemoryStream();
        using (var writer = new Utf8JsonWriter(content, Options))
        {
            writer.WriteStartObject();
            if (vocabulary.EndOfText is { } endOfText)
                writer.WriteNumber(EndOfTextField, endOfText);
            writer.WriteStartObject(TokensField);
            WriteTokens(writer, vocabulary);
            writer.WriteEndObject();
            writer.WriteStartArray(MergesField);
            foreach (var merge in MergeWords(vocabulary))
                writer.WriteStringValue(merge);
            writer.WriteEndArray();
            writer.WriteEndObject();
        }

        return content.ToArray();
    }

    /// <summary>Reads what <see cref="Write"/> wrote.</summary>
    /// <param name="content">The file's bytes.</param>
    /// <param name="place">Where they are from, for messages.</param>
    /// <exception cref="InvalidDataException">They are no such file.</exception>
    public static Gpt2Vocabulary Read(ReadOnlyMemory<byte> content, string place)
    {
        try
        {
            using var document = JsonDocument.Parse(content);
            var root = document.RootElement;
            var tokens = new Dictionary<string, int>();
            foreach (var token in root.GetProperty(TokensField).EnumerateObject())
                tokens.Add(token.Name, token.Value.GetInt32());
            var merges = root.GetProperty(MergesField).EnumerateArray().Select(merge => merge.GetString() ?? "");
            var end = root.TryGetProperty(EndOfTextField, out var id) ? id.GetInt32() : (int?)null;
            return Gpt2Vocabulary.Read(tokens, [.. merges], new EndOfTextHint(end), place);
        }
        catch (Exception problem) when (problem is JsonException or InvalidOperationException or KeyNotFoundException
            or FormatException or ArgumentException)
        {
            throw new InvalidDataException($"{place} holds no vocabulary ({problem.Message.TrimEnd('.')})", problem);
        }
        catch (Core.UserErrorException problem)
        {
            throw new InvalidDataException(problem.Message.TrimEnd('.'), problem);
        }
    }

    /// <summary>
    /// SHA-256 over its tokens by ascending id (int32, then the word with its length), its merges (three uint16) and
    /// the end-of-text token (int32, -1 for none); little endian, lower-case hexadecimal.
    /// </summary>
    public static string Sha256(Gpt2Vocabulary vocabulary)
    {
        using var content = new MemoryStream();
        using var writer = new BinaryWriter(content, Encoding.UTF8);
        for (var id = 0; id < vocabulary.Count; id++)
        {
            if (vocabulary.WordOf(id) is not { } word)
                continue;
            writer.Write(id);
            writer.Write(word);
        }

        foreach (var merge in vocabulary.MergeList)
        {
            writer.Write(merge.Left);
            writer.Write(merge.Right);
            writer.Write(merge.Result);
        }

        writer.Write(vocabulary.EndOfText ?? -1);
        return Convert.ToHexStringLower(SHA256.HashData(content.GetBuffer().AsSpan(0, (int)content.Length)));
    }

    private static void WriteTokens(Utf8JsonWriter writer, Gpt2Vocabulary vocabulary)
    {
        for (var id = 0; id < vocabulary.Count; id++)
        {
            if (vocabulary.WordOf(id) is { } word)
                writer.WriteNumber(word, id);
        }
    }
}
