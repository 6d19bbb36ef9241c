using System.Text;
using UglyToad.PdfPig.DocumentLayoutAnalysis;

namespace Gpt2Cluster.Data.Sources.Documents;

/// <summary>The lines of one page in reading order, and what of them stands at its edges.</summary>
internal sealed class PdfPageText
{
    // A head may have a second line.
    private const int EdgeRows = 2;

    // Parts of one line are set at heights that differ by rounding only.
    private const double SameHeight = 3;

    // Beside the usual distance of two lines: heads are set off by nearly a blank line, paragraphs by less.
    private const double SetOff = 1.8;

    private static readonly string[] Ligatures = ["ff", "fi", "fl", "ffi", "ffl", "st", "st"];

    private readonly List<PdfRunningLine> edges = [];

    private PdfPageText(int number, List<PdfLine> lines)
    {
        Number = number;
        var rows = new List<double>();
        foreach (var height in lines.Select(line => line.Height).Order())
        {
            if (rows.Count == 0 || height - rows[^1] > SameHeight)
                rows.Add(height);
        }

        var above = rows.Count - EdgeCount([.. rows.Select(row => -row).Reverse()]);
        var below = EdgeCount(rows);
        for (var i = 0; i < lines.Count; i++)
        {
            var row = rows.FindLastIndex(row => row <= lines[i].Height);
            if (row >= below && row < above)
                continue;

            // A page of a picture and its words has no text that these could be set off from.
            var edge = new PdfRunningLine(lines[i] with { IsAtEdge = true }, number);
            if (rows.Count <= EdgeRows && edge.HasWords)
                continue;
            lines[i] = edge.Line;
            edges.Add(edge);
        }

        Lines = lines;
    }

    /// <summary>Which page it is, from 1.</summary>
    public int Number { get; }

    /// <summary>All lines.</summary>
    public IReadOnlyList<PdfLine> Lines { get; }

    /// <summary>Takes the lines of a page's blocks.</summary>
    public static PdfPageText Of(int number, IEnumerable<TextBlock> blocks)
    {
        var lines = new List<PdfLine>();
        foreach (var block in blocks)
        {
            var isFirst = true;
            foreach (var line in block.TextLines)
            {
                var height = line.Words[0].Letters[0].StartBaseLine.Y;
                lines.Add(new PdfLine(WithoutLigatures(line.Text), height, isFirst));
                isFirst = false;
            }
        }

        return new PdfPageText(number, lines);
    }

    /// <summary>Whether the same line stands at an edge of this page, at its height.</summary>
    public bool HasAtEdge(PdfRunningLine line) => edges.Exists(
        edge => edge.IsSame(line) && Math.Abs(edge.Line.Height - line.Line.Height) <= SameHeight);

    /// <returns>How many of the first rows are set off from those behind them.</returns>
    private static int EdgeCount(List<double> rows)
    {
        var gaps = rows.Zip(rows.Skip(1), (row, next) => next - row).ToList();
        if (gaps.Count < EdgeRows)
            return rows.Count;
        var usual = gaps.Order().ElementAt(gaps.Count / 2);
        return gaps.FindLastIndex(EdgeRows - 1, gap => gap > SetOff * usual) + 1;
    }

    private static string WithoutLigatures(string line)
    {
        if (!line.AsSpan().ContainsAnyInRange('\uFB00', '\uFB06'))
            return line;
        var letters = new StringBuilder(line.Length + 4);
        foreach (var letter in line)
        {
            if (letter is >= '\uFB00' and <= '\uFB06')
                letters.Append(Ligatures[letter - '\uFB00']);
            else
                letters.Append(letter);
        }

        return letters.ToString();
    }
}
