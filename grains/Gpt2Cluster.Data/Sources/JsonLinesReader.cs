using System.Buffers;
using System.Text;
using System.Text.Json;
using Gpt2Cluster.Core;

namespace Gpt2Cluster.Data.Sources;

/// <summary>Reads the documents of a .jsonl file: the field <c>text</c> of the object on each line.</summary>
internal sealed class JsonLinesReader(string path, IDocumentSink sink) : ITextReader
{
    /// <summary>Longest line; one line is in memory at a time.</summary>
    public const int LongestLineBytes = 256 << 20;

    /// <summary>The field that holds the text.</summary>
    public const string Field = "text";
    private static ReadOnlySpan<byte> ByteOrderMark => [0xEF, 0xBB, 0xBF];

    private readonly ArrayBufferWriter<byte> line = new();
    private long lineNumber = 1;

    /// <summary>Takes the next piece of the file.</summary>
    public void Append(ReadOnlySpan<byte> piece)
    {
        while (piece.IndexOf((byte)'\n') is >= 0 and var end)
        {
            line.Write(piece[..end]);
            piece = piece[(end + 1)..];
            EndLine();
        }

        if (line.WrittenCount + piece.Length > LongestLineBytes)
            throw new UserErrorException($"Line {lineNumber} of {path} is longer than {LongestLineBytes >> 20} MiB; "
                + "give such a text as a file of its own.");
        line.Write(piece);
    }

    /// <summary>Takes the last line, which needs no newline.</summary>
    public void Finish() => EndLine();

    private void EndLine()
    {
        var json = line.WrittenSpan;
        if (lineNumber == 1 && json.StartsWith(ByteOrderMark))
            json = json[ByteOrderMark.Length..];
        if (!json.Trim(" \t\r"u8).IsEmpty)
        {
            var text = ReadText(json);
            sink.BeginDocument($"{path}:{lineNumber}");
            sink.Text(Encoding.UTF8.GetBytes(text));
            sink.EndDocument();
        }

        line.ResetWrittenCount();
        lineNumber++;
    }

    private string ReadText(ReadOnlySpan<byte> json)
    {
        try
        {
            var reader = new Utf8JsonReader(json);
            using var document = JsonDocument.ParseValue(ref reader);
            if (reader.BytesConsumed < json.TrimEnd(" \t\r"u8).Length)
                throw Wrong("has something behind its object", null);
            if (document.RootElement.ValueKind == JsonValueKind.Object
                && document.RootElement.TryGetProperty(Field, out var value) && value.ValueKind == JsonValueKind.String)
                return value.GetString()!;
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            throw Wrong("is not valid JSON", error);
        }

        throw Wrong($"has no string field \"{Field}\"", null);
    }

    private UserErrorException Wrong(string fault, Exception? cause) =>
        new($"Line {lineNumber} of {path} {fault}; every line must be an object with the field \"{Field}\".", cause!);
}
