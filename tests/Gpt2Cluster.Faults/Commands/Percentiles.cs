namespace Gpt2Cluster.Faults.Commands;

/// <summary>Percentiles of measured times: the smallest one that as many are not above.</summary>
/// <param name="times">The times.</param>
internal sealed class Percentiles(IEnumerable<TimeSpan> times)
{
    private readonly List<double> seconds = [.. times.Select(time => time.TotalSeconds).Order()];

    /// <summary>How many there are.</summary>
    public int Count => seconds.Count;

    /// <summary>A percentile in seconds; not a number without times.</summary>
    /// <param name="percent">1 to 100.</param>
    public double At(int percent) => seconds.Count == 0
        ? double.NaN
        : seconds[(int)Math.Ceiling(seconds.Count * percent / 100.0) - 1];
}
