using System.Runtime.CompilerServices;
using AngleSharp.Dom;

namespace Gpt2Cluster.Data.Sources.Documents;

/// <summary>
/// The text that a person sees of HTML: blanks as a browser draws them, a line for each block and a blank one around
/// paragraphs and headings; nothing of what is not drawn.
/// </summary>
internal static class MarkupText
{
    private static readonly HashSet<string> Hidden = new(StringComparer.OrdinalIgnoreCase)
    {
        "head", "script", "style", "noscript", "template", "svg", "math", "iframe", "object", "audio", "video",
        "canvas", "select", "textarea", "rp", "rt",
    };

    private static readonly HashSet<string> Paragraphs = new(StringComparer.OrdinalIgnoreCase)
    {
        "p", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "pre", "ul", "ol", "dl", "table", "figure", "hr",
    };

    // A number of a note or a page, with what may stand around it; what is longer are words that a note hangs on.
    private const int MostOfNumber = 5;

    // What books (EPUB 3 Structural Semantics; DPUB-ARIA) say is no text: the lists that readers' menus are made of,
    private static readonly HashSet<string> Menus = new(StringComparer.OrdinalIgnoreCase)
    {
        "page-list", "landmarks", "doc-pagelist",
    };

    // and the numbers of notes and of printed pages.
    private static readonly HashSet<string> Numbers = new(StringComparer.OrdinalIgnoreCase)
    {
        "noteref", "pagebreak", "doc-noteref", "doc-pagebreak",
    };

    private static readonly HashSet<string> Cells = new(StringComparer.OrdinalIgnoreCase) { "td", "th" };

    private static readonly HashSet<string> Lines = new(StringComparer.OrdinalIgnoreCase)
    {
        "div", "li", "dt", "dd", "tr", "section", "article", "header", "footer", "main", "nav", "aside", "address",
        "figcaption", "form", "fieldset", "body", "caption", "center", "details", "summary",
    };

    /// <summary>Adds the text of a node to a document.</summary>
    public static void Add(INode node, TextDocument document)
    {
        var lines = new Flow(document);
        Walk(node, lines, isPreformatted: false);
        lines.Break(0);
    }

    private static void Walk(INode node, Flow lines, bool isPreformatted)
    {
        RuntimeHelpers.EnsureSufficientExecutionStack();
        if (node is IText text)
        {
            lines.Add(text.Data, isPreformatted);
            return;
        }

        var name = node.NodeName;
        if (Hidden.Contains(name) || (node is IElement element && IsHidden(element)))
            return;
        if (name.Equals("br", StringComparison.OrdinalIgnoreCase))
        {
            lines.LineFeed();
            return;
        }

        var isParagraph = Paragraphs.Contains(name);
        var isLine = isParagraph || Lines.Contains(name);
        if (isLine)
            lines.Break(isParagraph ? 1 : 0);
        if (name.Equals("tr", StringComparison.OrdinalIgnoreCase))
            lines.BeginRow();
        else if (Cells.Contains(name))
            lines.BeginCell();
        foreach (var child in node.ChildNodes)
            Walk(child, lines, isPreformatted || name.Equals("pre", StringComparison.OrdinalIgnoreCase));
        if (isLine)
            lines.Break(isParagraph ? 1 : 0);
    }

    private static bool IsHidden(IElement element)
    {
        if (element.HasAttribute("hidden"))
            return true;
        var kinds = (element.GetAttribute("epub:type") ?? element.GetAttribute("role") ?? "").Split(' ');
        if (Menus.Overlaps(kinds))
            return true;
        return Numbers.Overlaps(kinds)
            && element.TextContent.Count(letter => !char.IsWhiteSpace(letter)) <= MostOfNumber;
    }

    /// <summary>Lines on their way, with the blank lines that wait for the next words.</summary>
    private sealed class Flow(TextDocument document)
    {
        private bool hasWords;
        private bool hasBlank;
        private int blankLines;
        private bool hasLine;
        private bool hasCell;
        private int tabs;

        public void Add(string text, bool isPreformatted)
        {
            foreach (var character in text)
            {
                // A soft hyphen is drawn only where a browser parts the word.
                if (character == '\u00AD')
                    continue;

                // A no-break space is drawn.
                if (!isPreformatted && character is ' ' or '\t' or '\n' or '\r' or '\f')
                {
                    hasBlank |= hasWords;
                    continue;
                }

                if (isPreformatted && !hasWords && character == '\n' && !hasLine)
                    continue;
                Begin();
                document.Add([character]);
            }
        }

        public void LineFeed()
        {
            Begin();
            document.Add("\n");
            (hasWords, hasBlank) = (false, false);
        }

        public void BeginRow() => hasCell = false;

        // A tab parts it from the cell before it, if both are words on one line.
        public void BeginCell()
        {
            tabs += hasCell ? 1 : 0;
            (hasCell, hasBlank) = (true, false);
        }

        public void Break(int blank)
        {
            if (hasLine)
                blankLines = Math.Max(blankLines, blank);
            if (hasWords)
                document.EndLine();
            (hasWords, hasBlank, tabs) = (false, false, 0);
        }

        private void Begin()
        {
            if (!hasWords && blankLines > 0)
                document.EndLine(blankLines);
            for (; tabs > 0; tabs--)
                document.Add("\t");
            if (hasBlank)
                document.Add(" ");
            (hasWords, hasBlank, blankLines, hasLine) = (true, false, 0, true);
        }
    }
}
