namespace Gpt2Cluster.Client.Watching.Views;

/// <summary>The course of a loss in bounded memory: when it is full, neighbours are averaged.</summary>
internal sealed class LossHistory
{
    /// <summary>Points kept at most.</summary>
    public const int Capacity = 1024;

    private const string Bars = "▁▂▃▄▅▆▇█";

    private readonly List<double> points = [];
    private int lossesPerPoint = 1;
    private double sum;
    private int pending;

    /// <summary>Points kept now.</summary>
    public int Count => points.Count;

    /// <summary>Takes one loss in; what is not finite is left out.</summary>
    public void Add(double loss)
    {
        if (!double.IsFinite(loss))
            return;
        sum += loss;
        if (++pending < lossesPerPoint)
            return;
        points.Add(sum / pending);
        (sum, pending) = (0, 0);
        if (points.Count == Capacity)
            Halve();
    }

    /// <summary>
    /// The course as a line of bars, one a point or a mean of points, <paramref name="width"/> at most.
    /// </summary>
    public string Sparkline(int width)
    {
        var cells = Math.Min(width, points.Count);
        if (cells == 0)
            return "";
        var means = Enumerable.Range(0, cells).Select(cell => Mean(cell, cells)).ToArray();
        var (low, high) = (means.Min(), means.Max());
        var scale = high > low ? (Bars.Length - 1) / (high - low) : 0;
        return string.Concat(means.Select(mean => Bars[(int)Math.Round((mean - low) * scale)]));
    }

    private double Mean(int cell, int cells)
    {
        var first = (int)((long)cell * points.Count / cells);
        var end = (int)((long)(cell + 1) * points.Count / cells);
        return points.GetRange(first, end - first).Average();
    }

    private void Halve()
    {
        for (var index = 0; index < Capacity / 2; index++)
            points[index] = (points[2 * index] + points[(2 * index) + 1]) / 2;
        points.RemoveRange(Capacity / 2, Capacity / 2);
        lossesPerPoint *= 2;
    }
}
