using System.Runtime.CompilerServices;
using DocumentFormat.OpenXml;
using DocumentFormat.OpenXml.Wordprocessing;

namespace Gpt2Cluster.Data.Sources.Documents;

/// <summary>
/// The text that a reader sees of Word's elements, all tracked changes accepted: a line for each paragraph and for each
/// row of a table, its cells parted by tabs. An initial that is set as a frame of its own stands before its word, a box
/// of text behind the paragraph that it floats beside. Hidden text, field codes, the readings above characters and
/// drawings' fallbacks are left out.
/// </summary>
internal sealed class WordText(TextDocument document)
{
    private readonly Queue<OpenXmlElement> boxes = [];
    private int openParagraphs;
    private int openRows;
    private int tabs;
    private bool isNoteStart;

    /// <summary>Adds an element with all in it.</summary>
    public void Add(OpenXmlElement element)
    {
        RuntimeHelpers.EnsureSufficientExecutionStack();
        switch (element)
        {
            case Text text:
                Add(text.Text);
                break;
            case DocumentFormat.OpenXml.Math.Text formula:
                Add(formula.Text);
                break;
            case TabChar or PositionalTab:
                Add("\t");
                break;
            case Break or CarriageReturn:
                Add("\n");
                break;
            case NoBreakHyphen:
                Add("-");
                break;
            case SymbolChar or DeletedRun or MoveFromRun or RubyContent or ParagraphProperties or RunProperties:
                break;
            case AlternateContent alternate:
                Add(alternate);
                break;
            case Run { RunProperties.Vanish: { } hidden } when IsOn(hidden):
                break;
            case TextBoxContent when openParagraphs > 0:
                boxes.Enqueue(element);
                break;
            case Paragraph paragraph:
                AddParagraph(paragraph, endsLine: EndsLine(paragraph));
                break;
            case TableRow row:
                AddRow(row);
                break;
            case TableCell cell:
                AddCell(cell);
                break;
            default:
                AddChildren(element);
                break;
        }
    }

    /// <summary>Adds a foot- or endnote, without the blank behind its number.</summary>
    public void AddNote(OpenXmlElement note)
    {
        isNoteStart = true;
        Add(note);
        isNoteStart = false;
    }

    // The first choice, as programs of today draw it. Pictures of characters (w16se) are characters in the fallback.
    private void Add(AlternateContent alternate)
    {
        var choice = alternate.GetFirstChild<AlternateContentChoice>();
        if (choice is not null && choice.Requires?.Value != "w16se")
            AddChildren(choice);
        else if (alternate.GetFirstChild<AlternateContentFallback>() is { } fallback)
            AddChildren(fallback);
    }

    private static bool IsOn(OnOffType property) => property.Val is null || property.Val.Value;

    // The mark of a paragraph that was deleted or moved away joins it with the next one.
    private static bool EndsLine(Paragraph paragraph)
    {
        if (paragraph.ParagraphProperties is not { } properties)
            return true;
        var mark = properties.ParagraphMarkRunProperties;
        if (mark?.GetFirstChild<Deleted>() is not null || mark?.GetFirstChild<MoveFrom>() is not null)
            return false;
        return properties.FrameProperties?.DropCap is not { } initial || initial.Value == DropCapLocationValues.None;
    }

    private void AddParagraph(Paragraph paragraph, bool endsLine)
    {
        openParagraphs++;
        AddChildren(paragraph);
        openParagraphs--;
        if (!endsLine)
            return;
        document.EndParagraph();
        AddBoxes();
    }

    private void AddBoxes()
    {
        while (openParagraphs == 0 && openRows == 0 && boxes.TryDequeue(out var box))
            AddChildren(box);
    }

    private void AddRow(TableRow row)
    {
        if (row.TableRowProperties?.GetFirstChild<Deleted>() is not null)
            return;
        openRows++;
        var isFirst = true;
        foreach (var child in row.ChildElements)
        {
            var isCell = child is TableCell or SdtCell;
            if (isCell && !isFirst)
                tabs++;
            isFirst &= !isCell;
            Add(child);
        }

        openRows--;
        tabs = 0;
        document.EndLine();
        AddBoxes();
    }

    // The end of a cell's last paragraph is the cell's.
    private void AddCell(TableCell cell)
    {
        var last = cell.LastChild as Paragraph;
        foreach (var child in cell.ChildElements)
        {
            if (child == last)
                AddParagraph(last, endsLine: false);
            else
                Add(child);
        }
    }

    private void AddChildren(OpenXmlElement element)
    {
        foreach (var child in element.ChildElements)
            Add(child);
    }

    private void Add(string words)
    {
        if (isNoteStart)
            words = words.TrimStart();
        if (words.Length == 0)
            return;
        isNoteStart = false;
        for (; tabs > 0; tabs--)
            document.Add("\t");
        document.Add(words);
    }
}
