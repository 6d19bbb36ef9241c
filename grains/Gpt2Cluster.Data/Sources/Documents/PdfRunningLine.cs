using System.Globalization;
using System.Text.RegularExpressions;

namespace Gpt2Cluster.Data.Sources.Documents;

/// <summary>A line that may come back on other pages: the same words, the same numbers or the pages' own.</summary>
internal sealed partial class PdfRunningLine
{
    private readonly string words;
    private readonly List<long> numbers = [];
    private readonly int page;

    /// <summary>Takes a line apart.</summary>
    public PdfRunningLine(PdfLine line, int page)
    {
        Line = line;
        this.page = page;
        words = Number().Replace(line.Text, match =>
        {
            numbers.Add(char.IsAsciiDigit(match.Value[0])
                ? long.Parse(match.Value, CultureInfo.InvariantCulture) : Roman(match.Value));
            return "#";
        });
    }

    /// <summary>The line.</summary>
    public PdfLine Line { get; }

    /// <summary>Whether it has letters beside its numbers: a page's number alone has none.</summary>
    public bool HasWords => words.Any(char.IsLetter);

    /// <summary>
    /// Whether it is the other one come back: numbers are equal, or as far apart as the pages, which the numbers of
    /// chapters are not.
    /// </summary>
    public bool IsSame(PdfRunningLine other) => words == other.words
        && numbers.Zip(other.numbers).All(pair => pair.First == pair.Second
            || pair.First - pair.Second == page - other.page);

    private static long Roman(string numeral)
    {
        var (value, before) = (0L, 0);
        foreach (var letter in numeral.Reverse())
        {
            var digit = letter switch { 'i' => 1, 'v' => 5, 'x' => 10, 'l' => 50, _ => 100 };
            value += digit < before ? -digit : digit;
            before = Math.Max(before, digit);
        }

        return value;
    }

    // Small Roman numbers, as books have them in front, stand alone.
    [GeneratedRegex("""[0-9]{1,18}|(?<![^ ])[ivxlc]{1,12}(?![^ ])""")]
    private static partial Regex Number();
}
