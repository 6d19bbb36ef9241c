using System.Text;
using System.Text.Json;
using Gpt2Cluster.Core;

namespace Gpt2Cluster.Data.Sources;

/// <summary>
/// The documents of JSON records. A record is a text, an object with the text in a field, or one of OpenAI's: either
/// <c>prompt</c> and <c>completion</c>, one behind the other, or <c>messages</c> as <see cref="ChatTranscript"/> writes
/// them; both end with the end-of-text token.
/// </summary>
/// <param name="options">Names the field.</param>
/// <param name="sink">Takes the documents.</param>
internal sealed class TextRecords(SourceOptions options, IDocumentSink sink)
{
    /// <summary>The mark in an upload's record that its text ends with the end-of-text token.</summary>
    public const string EndField = "end_of_text";

    private readonly string field = options.TextField ?? SourceOptions.DefaultTextField;

    /// <summary>Passes one record on.</summary>
    /// <param name="json">The record, with nothing but blanks around it.</param>
    /// <param name="document">Name of its document.</param>
    /// <param name="place">Where it stands, the first words of a message.</param>
    /// <exception cref="UserErrorException">It is no JSON, or has no text.</exception>
    public void Read(ReadOnlySpan<byte> json, string document, string place)
    {
        var (text, isEnded) = Parse(json, place);
        sink.BeginDocument(document);
        sink.Text(Encoding.UTF8.GetBytes(text));
        if (isEnded)
            sink.EndOfText();
        sink.EndDocument();
    }

    private (string Text, bool IsEnded) Parse(ReadOnlySpan<byte> json, string place)
    {
        try
        {
            var reader = new Utf8JsonReader(json);
            using var document = JsonDocument.ParseValue(ref reader);
            if (reader.BytesConsumed < json.TrimEnd(" \t\r\n"u8).Length)
                throw Wrong(place, "has something behind its object", null);
            return Find(document.RootElement, place);
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            throw Wrong(place, "is not valid JSON", error);
        }
    }

    private (string Text, bool IsEnded) Find(JsonElement record, string place)
    {
        if (record.ValueKind == JsonValueKind.String)
            return (record.GetString()!, false);
        if (record.ValueKind == JsonValueKind.Object)
        {
            if (StringOf(record, field) is { } text)
                return (text, record.TryGetProperty(EndField, out var end) && end.ValueKind == JsonValueKind.True);
            if (options.TextField is null && Render(record, place) is { } rendered)
            {
                options.Rendered(rendered);
                return (rendered, true);
            }
        }

        throw Wrong(place, $"has no string field \"{field}\"", null);
    }

    private static string? Render(JsonElement record, string place)
    {
        if (StringOf(record, "prompt") is { } prompt && StringOf(record, "completion") is { } completion)
            return prompt + completion;
        if (!record.TryGetProperty("messages", out var messages) || messages.ValueKind != JsonValueKind.Array)
            return null;
        var transcript = new ChatTranscript();
        foreach (var message in messages.EnumerateArray())
        {
            if (message.ValueKind != JsonValueKind.Object)
                return null;
            if (StringOf(message, "role") is not { } role || ContentOf(message) is not { } content)
                throw new UserErrorException($"{place} has a message without a \"role\" and a \"content\" that is "
                    + "text, as OpenAI's have; export a chat of another program as text or as CSV.");
            if (!transcript.TryAdd(role, content))
                throw new UserErrorException($"{place} has a message of the role \"{role}\"; "
                    + "system, user and assistant are understood.");
        }

        return transcript.Count > 0 ? transcript.ToString() : null;
    }

    private static string? StringOf(JsonElement record, string name) =>
        record.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String
            ? value.GetString()
            : null;

    // A content is a text or a list of parts, of which each is a text here.
    private static string? ContentOf(JsonElement message)
    {
        if (!message.TryGetProperty("content", out var content) || content.ValueKind != JsonValueKind.Array)
            return StringOf(message, "content");
        var text = new StringBuilder();
        foreach (var part in content.EnumerateArray())
        {
            if (part.ValueKind != JsonValueKind.Object || StringOf(part, "text") is not { } words)
                return null;
            text.Append(words);
        }

        return text.ToString();
    }

    private UserErrorException Wrong(string place, string fault, Exception? cause) =>
        new($"{place} {fault}; every record must be an object with the field \"{field}\" (--text-field names another), "
            + "or with OpenAI's \"messages\", or \"prompt\" and \"completion\".", cause!);
}
