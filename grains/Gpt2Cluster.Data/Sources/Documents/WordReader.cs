using DocumentFormat.OpenXml;
using DocumentFormat.OpenXml.Packaging;
using DocumentFormat.OpenXml.Wordprocessing;
using Gpt2Cluster.Core;

namespace Gpt2Cluster.Data.Sources.Documents;

/// <summary>
/// Reads a <c>.docx</c> (ECMA-376) with Microsoft's Open XML SDK: the paragraphs of its body, then those of its notes,
/// each as <see cref="WordText"/>. Headers, footers and comments are left out.
/// </summary>
internal static class WordReader
{
    // Word keeps a document with a password in the container of its old formats ([MS-OFFCRYPTO], 2.3).
    private static ReadOnlySpan<byte> CompoundFile => [0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1];

    /// <summary>Reads a file.</summary>
    public static void Read(SourceFile file, SourceOptions options, IDocumentSink sink)
    {
        using var stream = file.OpenRead();
        RefuseLocked(file, stream);
        using var package = WordprocessingDocument.Open(stream, isEditable: false);
        var main = package.MainDocumentPart
            ?? throw new UserErrorException($"{file.Name} is no document of Word; save it as .docx or as text.");
        var document = new TextDocument(file, sink);
        var text = new WordText(document);
        if (main.Document?.Body is { } body)
            text.Add(body);
        foreach (var note in main.FootnotesPart?.Footnotes?.Elements<Footnote>() ?? [])
            AddNote(note, note.Type, text);
        foreach (var note in main.EndnotesPart?.Endnotes?.Elements<Endnote>() ?? [])
            AddNote(note, note.Type, text);
        document.End();
    }

    // Notes with a type are the lines that part notes from the text.
    private static void AddNote(OpenXmlElement note, EnumValue<FootnoteEndnoteValues>? type, WordText text)
    {
        if (type is null || type.Value == FootnoteEndnoteValues.Normal)
            text.AddNote(note);
    }

    private static void RefuseLocked(SourceFile file, Stream stream)
    {
        Span<byte> start = stackalloc byte[CompoundFile.Length];
        var count = stream.ReadAtLeast(start, start.Length, throwOnEndOfStream: false);
        if (start[..count].SequenceEqual(CompoundFile))
        {
            throw new NoTextException(file.Name, "is protected by a password, or a document of an old Word",
                "save it in Word as .docx without a password");
        }

        stream.Position = 0;
    }
}
