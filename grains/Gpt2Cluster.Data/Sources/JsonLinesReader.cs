using System.Buffers;
using Gpt2Cluster.Core;

namespace Gpt2Cluster.Data.Sources;

/// <summary>Reads the documents of a file of JSON lines (<c>.jsonl</c>): one record a line.</summary>
internal sealed class JsonLinesReader(string name, IDocumentSink sink, SourceOptions? options = null) : ITextReader
{
    /// <summary>Longest line; one line is in memory at a time.</summary>
    public const int LongestLineBytes = 256 << 20;

    private readonly TextRecords records = new(options ?? new SourceOptions(), sink);
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
            throw new UserErrorException($"Line {lineNumber} of {name} is longer than {LongestLineBytes >> 20} MiB; "
                + "give such a text as a file of its own.");
        line.Write(piece);
    }

    /// <summary>Takes the last line, which needs no newline.</summary>
    public void Finish() => EndLine();

    private void EndLine()
    {
        if (!line.WrittenSpan.Trim(" \t\r"u8).IsEmpty)
            records.Read(line.WrittenSpan, $"{name}:{lineNumber}", $"Line {lineNumber} of {name}");
        line.ResetWrittenCount();
        lineNumber++;
    }
}
