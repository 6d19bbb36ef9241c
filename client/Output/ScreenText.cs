using System.Text;
using Spectre.Console;

namespace Gpt2Cluster.Client.Output;

/// <summary>Text cut to the cells of a screen, so that nothing in it can spoil the picture around it.</summary>
internal static class ScreenText
{
    private const string Ellipsis = "…";

    /// <summary>One line of at most <paramref name="width"/> cells; an ellipsis stands for what is cut off.</summary>
    public static string Fit(string line, int width)
    {
        var clean = Clean(line);
        if (clean.GetCellWidth() <= width)
            return clean;
        var length = clean.Length;
        while (length > 0 && clean[..length].GetCellWidth() >= width)
            length--;
        return (length > 0 && char.IsHighSurrogate(clean[length - 1]) ? clean[..(length - 1)] : clean[..length])
            + Ellipsis;
    }

    /// <summary>The lines of a text, each of at most <paramref name="width"/> cells, broken at blanks.</summary>
    public static IEnumerable<string> Wrap(string text, int width)
    {
        foreach (var line in text.ReplaceLineEndings("\n").Split('\n'))
        {
            var pending = new StringBuilder();
            var cells = 0;
            foreach (var word in Clean(line).Split(' '))
            {
                var wordCells = word.GetCellWidth();
                if (pending.Length > 0 && cells + 1 + wordCells > width)
                {
                    yield return Fit(pending.ToString(), width);
                    pending.Clear();
                    cells = 0;
                }

                if (pending.Length > 0)
                    pending.Append(' ');
                cells += wordCells + (pending.Length > 0 ? 1 : 0);
                pending.Append(word);
            }

            yield return Fit(pending.ToString(), width);
        }
    }

    /// <summary>A model can write any byte, and a terminal would obey some of them.</summary>
    private static string Clean(string line) =>
        line.Any(char.IsControl) ? string.Concat(line.Select(letter => char.IsControl(letter) ? ' ' : letter)) : line;
}
