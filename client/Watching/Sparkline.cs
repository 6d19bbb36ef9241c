namespace Gpt2Cluster.Client.Watching;

/// <summary>The course of some numbers as a line of bars.</summary>
internal static class Sparkline
{
    private const string Bars = "▁▂▃▄▅▆▇█";

    /// <summary>One bar a point or a mean of points, <paramref name="width"/> at most.</summary>
    public static string Of(IReadOnlyList<double> points, int width)
    {
        var cells = Math.Min(width, points.Count);
        if (cells == 0)
            return "";
        var means = Enumerable.Range(0, cells).Select(cell => Mean(points, cell, cells)).ToArray();
        var (low, high) = (means.Min(), means.Max());
        var scale = high > low ? (Bars.Length - 1) / (high - low) : 0;
        return string.Concat(means.Select(mean => Bars[(int)Math.Round((mean - low) * scale)]));
    }

    private static double Mean(IReadOnlyList<double> points, int cell, int cells)
    {
        var first = (int)((long)cell * points.Count / cells);
        var end = (int)((long)(cell + 1) * points.Count / cells);
        return points.Take(first..end).Average();
    }
}
