using System.Globalization;

namespace Gpt2Cluster.Data.Sources.Documents;

/// <summary>
/// Makes one text of a PDF's pages as a reader reads them: without the lines that come back at the edges of pages that
/// follow each other, or of every other one (running heads, page numbers), with words whole that were parted at the end
/// of a line, and without a blank line where a sentence goes on in the next column or on the next page.
/// </summary>
/// <remarks>
/// A hyphen at the end of a line stays if the document writes the word with it elsewhere, and else goes. From one block
/// to another words are joined only if the document has the whole word elsewhere.
/// </remarks>
internal sealed class PdfFlow(TextDocument document)
{
    // A line of words is a head if it comes back so often, one page after the other or on every other one; a number
    // that counts pages, sooner. What stands above some pages here and there is text.
    private const int NearPages = 8;
    private const int FewestHeads = 4;
    private const int FewestNumbers = 3;
    private const int MostWords = 1_000_000;
    private const char SoftHyphen = '\u00AD';

    // The letters between two blanks, on average: of English 5, of German 6, of any such language below 10.
    private const int LongestMeanWord = 20;
    private const int EnoughLetters = 200;
    private const char LastLatin = '\u024F';

    private readonly List<PdfPageText> pages = [];
    private readonly HashSet<string> words = new(StringComparer.Ordinal);
    private long latinLetters;
    private long blanks;
    private int index;
    private PdfLine? held;

    /// <summary>Lines that were left out because they come back.</summary>
    public int RunningLines { get; private set; }

    /// <summary>The longest of them.</summary>
    public string RunningLine { get; private set; } = "";

    /// <summary>
    /// Whether it reads as if its letters were coded in a way that the file does not tell: nothing parts words.
    /// </summary>
    public bool IsGarbled => latinLetters > EnoughLetters && latinLetters > LongestMeanWord * (blanks + 1);

    /// <summary>Takes the next page.</summary>
    public void Add(PdfPageText page)
    {
        pages.Add(page);
        foreach (var line in page.Lines)
        {
            Learn(line.Text);
            latinLetters += line.Text.Count(letter => letter is > ' ' and <= LastLatin);
            blanks += line.Text.Count(letter => letter == ' ') + 1;
        }

        if (index + NearPages < pages.Count)
            WritePage();
        if (index > NearPages)
        {
            pages.RemoveAt(0);
            index--;
        }
    }

    /// <summary>The last page was added.</summary>
    public void End()
    {
        while (index < pages.Count)
            WritePage();
        if (held is not null)
            document.Add(held.Text);
        document.EndLine();
    }

    private void WritePage()
    {
        var beginsBlock = false;
        foreach (var line in pages[index].Lines)
        {
            beginsBlock |= line.BeginsBlock;
            if (IsRunning(line))
            {
                RunningLines++;
                if (line.Text.Length > RunningLine.Length)
                    RunningLine = line.Text;
                continue;
            }

            Write(line with { BeginsBlock = beginsBlock });
            beginsBlock = false;
        }

        index++;
    }

    private bool IsRunning(PdfLine line)
    {
        if (!line.IsAtEdge)
            return false;
        var candidate = new PdfRunningLine(line, pages[index].Number);
        var fewest = candidate.HasWords ? FewestHeads : FewestNumbers;
        return Repeats(candidate, 1) >= fewest || Repeats(candidate, 2) >= fewest;
    }

    /// <returns>On how many pages a line stands, this one among them, that are so far from each other.</returns>
    private int Repeats(PdfRunningLine line, int distance)
    {
        return 1 + Onwards(distance) + Onwards(-distance);

        int Onwards(int step)
        {
            var count = 0;
            for (var at = index + step; at >= 0 && at < pages.Count && pages[at].HasAtEdge(line); at += step)
                count++;
            return count;
        }
    }

    private void Write(PdfLine line)
    {
        if (held is not null)
        {
            line = Join(held, line, out var text);
            if (line.Text.Length == 0)
            {
                held = held with { Text = text };
                return;
            }

            document.Add(text);
            var goesOn = !held.IsAtEdge && !line.IsAtEdge && GoesOn(text, line.Text);
            document.EndLine(line.BeginsBlock && !goesOn ? 1 : 0);
        }

        held = line;
    }

    // A hyphen before these stands for the rest of a word that comes later: Vor- und Nachteile.
    private static bool IsSuspended(ReadOnlySpan<char> next) =>
        next is "and" or "or" or "to" or "und" or "oder" or "bis" or "et" or "ou" or "y" or "o" or "e" or "en" or "of";

    private static bool GoesOn(string line, string next) =>
        next.Length > 0 && char.IsLower(next[0])
        && line.Length > 0 && (char.IsLetterOrDigit(line[^1]) || line[^1] == ',');

    /// <summary>Brings a parted word together at the end of the first line.</summary>
    /// <returns>What is left of the second.</returns>
    private PdfLine Join(PdfLine line, PdfLine next, out string text)
    {
        text = line.Text;
        if (line.Text.Length < 2 || line.Text[^1] is not ('-' or '\u2010' or SoftHyphen)
            || !char.IsLetter(line.Text[^2]) || next.Text.Length == 0 || !char.IsLower(next.Text[0]))
            return next;
        var begin = line.Text.AsSpan(0, line.Text.Length - 1);
        var last = begin[(begin.LastIndexOf(' ') + 1)..];
        var blank = next.Text.IndexOf(' ', StringComparison.Ordinal);
        var rest = next.Text.AsSpan(0, blank >= 0 ? blank : next.Text.Length);
        if (IsSuspended(rest))
            return next;
        var (whole, parted) = (Word($"{last}{rest}"), Word($"{last}-{rest}"));
        var isCompound = words.Contains(parted) || last.Contains('-');
        if (next.BeginsBlock && !words.Contains(whole) && !isCompound)
            return next;
        var keepsHyphen = isCompound && !words.Contains(whole) && line.Text[^1] != SoftHyphen;
        text = $"{begin}{(keepsHyphen ? "-" : "")}{rest}";
        return next with { Text = next.Text[rest.Length..].TrimStart(' ') };
    }

    private void Learn(string line)
    {
        foreach (var part in line.Split(' '))
        {
            var word = Word(part);
            if (word.Length > 0 && words.Count < MostWords)
                words.Add(word);
        }
    }

    // Letters, with what stands between them; hyphens as the keyboard has them.
    private static string Word(ReadOnlySpan<char> part)
    {
        while (part.Length > 0 && !char.IsLetter(part[0]))
            part = part[1..];
        while (part.Length > 0 && !char.IsLetter(part[^1]))
            part = part[..^1];
        return part.ToString().Replace('\u2010', '-').Replace($"{SoftHyphen}", "", StringComparison.Ordinal)
            .ToLower(CultureInfo.InvariantCulture);
    }
}
