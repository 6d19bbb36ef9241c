using Gpt2Cluster.Data.Sources.Documents;
using Gpt2Cluster.Data.Sources.Npz;

namespace Gpt2Cluster.Data.Sources;

/// <summary>The kinds of files that documents are read out of, and which of them a file is.</summary>
public static class DocumentFormats
{
    /// <summary>As many bytes of a file are looked at to tell its kind.</summary>
    public const int StartBytes = 512;

    /// <summary>Plain text, what a file is that is nothing else: one document a file.</summary>
    public static IDocumentFormat Text { get; } =
        new TextFormat("text", [".txt"], (name, _, sink) => new PlainTextReader(name, sink));

    /// <summary>All kinds.</summary>
    public static IReadOnlyList<IDocumentFormat> All { get; } =
    [
        Text,
        new TextFormat(
            "JSON lines",
            [".jsonl", ".ndjson", ".jl"],
            (name, options, sink) => new JsonLinesReader(name, sink, options)),
        new TextFormat("JSON", [".json"], (name, options, sink) => new JsonReader(name, sink, options)),
        new TextFormat("CSV", [".csv", ".tsv", ".tab"], (name, options, sink) => new CsvReader(name, sink, options)),
        new NpzFormat(),
        new LibraryFormat("Word", [".docx", ".docm"], [], WordReader.Read),
        new LibraryFormat("PDF", [".pdf"], [.. "%PDF-"u8], PdfReader.Read),
        new LibraryFormat("EPUB", [".epub"], [], EpubReader.Read),
        new LibraryFormat("HTML", [".html", ".htm", ".xhtml"], [], HtmlReader.Read),
        new LibraryFormat("Parquet", [".parquet"], [.. "PAR1"u8], ParquetTableReader.Read),
    ];

    /// <summary>
    /// The kind of a file: its ending tells it, and if nobody knows the ending, its first bytes; else it is text.
    /// </summary>
    public static IDocumentFormat Of(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        var ending = Path.GetExtension(path);
        return All.FirstOrDefault(format => format.Endings.Contains(ending, StringComparer.OrdinalIgnoreCase))
            ?? ByStart(path)
            ?? Text;
    }

    private static IDocumentFormat? ByStart(string path)
    {
        var start = new byte[StartBytes];
        try
        {
            // Pipes and devices must not be waited for.
            if (FileStatus.Of(path).Kind != FileKind.File)
                return null;
            using var file = File.OpenRead(path);
            var count = file.ReadAtLeast(start, start.Length, throwOnEndOfStream: false);
            return All.FirstOrDefault(format => format.IsBegunBy(start.AsSpan(0, count)));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // Whoever reads it says why it cannot be read.
            return null;
        }
    }
}
