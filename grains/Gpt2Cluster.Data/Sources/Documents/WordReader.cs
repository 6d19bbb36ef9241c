using System.Runtime.CompilerServices;
using DocumentFormat.OpenXml;
using DocumentFormat.OpenXml.Packaging;
using DocumentFormat.OpenXml.Wordprocessing;
using Gpt2Cluster.Core;

namespace Gpt2Cluster.Data.Sources.Documents;

/// <summary>
/// Reads a <c>.docx</c> (ECMA-376) with Microsoft's Open XML SDK: the paragraphs of its body, a line each, then those
/// of its notes. Deleted text, field codes and drawings' fallbacks are left out.
/// </summary>
internal static class WordReader
{
    /// <summary>Reads a file.</summary>
    public static void Read(SourceFile file, SourceOptions options, IDocumentSink sink)
    {
        using var stream = file.OpenRead();
        using var package = WordprocessingDocument.Open(stream, isEditable: false);
        var main = package.MainDocumentPart
            ?? throw new UserErrorException($"{file.Name} is no document of Word; save it as .docx or as text.");
        var document = new TextDocument(file, sink);
        if (main.Document?.Body is { } body)
            Walk(body, document);
        foreach (var note in main.FootnotesPart?.Footnotes?.Elements<Footnote>() ?? [])
            WalkNote(note, note.Type, document);
        foreach (var note in main.EndnotesPart?.Endnotes?.Elements<Endnote>() ?? [])
            WalkNote(note, note.Type, document);
        document.End();
    }

    // Notes with a type are the lines that part notes from the text.
    private static void WalkNote(
        OpenXmlElement note, EnumValue<FootnoteEndnoteValues>? type, TextDocument document)
    {
        if (type is null || type.Value == FootnoteEndnoteValues.Normal)
            Walk(note, document);
    }

    private static void Walk(OpenXmlElement element, TextDocument document)
    {
        RuntimeHelpers.EnsureSufficientExecutionStack();
        switch (element)
        {
            case Text text:
                document.Add(text.Text);
                break;
            case TabChar or PositionalTab:
                document.Add("\t");
                break;
            case Break or CarriageReturn:
                document.Add("\n");
                break;
            case NoBreakHyphen:
                document.Add("-");
                break;
            case SymbolChar or AlternateContentFallback or MoveFromRun or ParagraphProperties or RunProperties:
                break;
            default:
                foreach (var child in element.ChildElements)
                    Walk(child, document);
                if (element is Paragraph)
                    document.EndParagraph();
                break;
        }
    }
}
