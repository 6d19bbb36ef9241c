using System.Buffers;
using System.Runtime.InteropServices;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Unicode;
using Gpt2Cluster.Data.Models;
using Gpt2Cluster.Data.Sources;
using Gpt2Cluster.Data.Tokens;

namespace Gpt2Cluster.Data.Uploads;

/// <summary>
/// Writes documents as the archive that <see cref="DatasetUploadReader"/> reads. Documents are numbered. Short ones
/// share a member, a line of JSON each (<c>12.jsonl</c>); a longer one is a folder of parts (<c>13/0.txt</c>,
/// <c>13/1.txt</c>), one of tokens has the parts of its arrays (<c>14/0-0.u16</c>), uint16 little endian. A text that
/// ends with the end-of-text token says so: in its line, or by an empty member behind its parts (<c>13/2.end</c>).
/// Before them comes the vocabulary, unless it is OpenAI's. Holds one member at most.
/// </summary>
public sealed class DatasetUploadWriter : IDocumentSink
{
    /// <summary>Longest member.</summary>
    internal const int LongestMemberBytes = 1 << 20;

    /// <summary>Ending of the empty member that closes a text's parts: it ends with the end-of-text token.</summary>
    internal const string EndSuffix = ".end";

    // A member costs up to a kilobyte of header and padding; a byte of a line of JSON has up to five more as an escape.
    private const int ShortDocumentBytes = 16 << 10;
    private const int EnoughLinesBytes = LongestMemberBytes / 2;

    private readonly ArchiveWriter archive;
    private readonly ArrayBufferWriter<byte> lines = new();
    private readonly byte[] part = new byte[LongestMemberBytes];
    private long linesIndex;
    private long documentIndex;
    private int arrayIndex;
    private int partIndex;
    private int partBytes;
    private bool hasTokens;
    private bool isEnded;

    /// <summary>Begins an archive.</summary>
    /// <param name="output">Where to; need not be able to seek, stays open.</param>
    /// <param name="vocabulary">Whose tokens the documents are to become; null for OpenAI's.</param>
    public DatasetUploadWriter(Stream output, Gpt2Vocabulary? vocabulary = null)
    {
        ArgumentNullException.ThrowIfNull(output);
        archive = new ArchiveWriter(output, UploadArchive.Dataset);
        if (vocabulary is { Reference: not null })
            archive.Add(VocabularyDirectory.FileName, VocabularyDirectory.Write(vocabulary));
    }

    /// <inheritdoc/>
    public void BeginDocument(string name) =>
        (arrayIndex, partIndex, partBytes, hasTokens, isEnded) = (0, 0, 0, false, false);

    /// <inheritdoc/>
    public void Text(ReadOnlySpan<byte> utf8) => Hold(utf8);

    /// <inheritdoc/>
    public void EndOfText() => isEnded = true;

    /// <inheritdoc/>
    public void Tokens(ReadOnlySpan<ushort> tokens)
    {
        hasTokens = true;
        Hold(MemoryMarshal.AsBytes(tokens));
    }

    /// <inheritdoc/>
    public void EndArray()
    {
        hasTokens = true;
        WritePart();
        (arrayIndex, partIndex) = (arrayIndex + 1, 0);
    }

    /// <inheritdoc/>
    public void EndDocument()
    {
        var held = part.AsSpan(0, partBytes);
        if (!hasTokens && partIndex == 0 && held.Length <= ShortDocumentBytes && Utf8.IsValid(held))
            AddLine(held);
        else if (partBytes > 0)
            WritePart();
        if (isEnded && partIndex > 0)
            archive.Add($"{documentIndex}/{partIndex}{EndSuffix}", ReadOnlyMemory<byte>.Empty);
        documentIndex++;
    }

    /// <summary>Ends the archive.</summary>
    public void Complete()
    {
        WriteLines();
        archive.Complete();
    }

    private void Hold(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            if (partBytes == part.Length)
                WritePart();
            var fitting = bytes[..Math.Min(bytes.Length, part.Length - partBytes)];
            fitting.CopyTo(part.AsSpan(partBytes));
            partBytes += fitting.Length;
            bytes = bytes[fitting.Length..];
        }
    }

    private void WritePart()
    {
        WriteLines();
        var name = hasTokens ? $"{arrayIndex}-{partIndex}.u16" : $"{partIndex}.txt";
        archive.Add($"{documentIndex}/{name}", part.AsMemory(0, partBytes));
        (partIndex, partBytes) = (partIndex + 1, 0);
    }

    private void AddLine(ReadOnlySpan<byte> text)
    {
        if (lines.WrittenCount == 0)
            linesIndex = documentIndex;
        var options = new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
        using (var json = new Utf8JsonWriter(lines, options))
        {
            json.WriteStartObject();
            json.WriteString(SourceOptions.DefaultTextField, text);
            if (isEnded)
                json.WriteBoolean(TextRecords.EndField, true);
            json.WriteEndObject();
        }

        lines.Write("\n"u8);
        if (lines.WrittenCount >= EnoughLinesBytes)
            WriteLines();
    }

    private void WriteLines()
    {
        if (lines.WrittenCount > 0)
            archive.Add($"{linesIndex}.jsonl", lines.WrittenMemory);
        lines.ResetWrittenCount();
    }
}
