using System.Globalization;

namespace Gpt2Cluster.Client.Output;

/// <summary>Numbers as people read them.</summary>
internal static class Formats
{
    /// <summary>1,234.</summary>
    public static string Count(double value) => value.ToString("#,0", CultureInfo.InvariantCulture);

    /// <summary>5.123.</summary>
    public static string Loss(double value) => value.ToString("0.000", CultureInfo.InvariantCulture);

    /// <summary>2.00e-04.</summary>
    public static string Rate(double value) => value.ToString("0.00e-00", CultureInfo.InvariantCulture);

    /// <summary>0.21.</summary>
    public static string Hundredths(double value) => value.ToString("0.00", CultureInfo.InvariantCulture);

    /// <summary>12 %, 0.4 %; what is less and not nothing is <c>under 0.1 %</c>.</summary>
    public static string Percent(double share) => share switch
    {
        > 0 and < 0.001 => "under 0.1 %",
        < 0.1 => (100 * share).ToString("0.#", CultureInfo.InvariantCulture) + " %",
        _ => (100 * share).ToString("0", CultureInfo.InvariantCulture) + " %",
    };

    /// <summary>1:23, or 1:02:03 from an hour on; what is no number of seconds is <c>-</c>.</summary>
    public static string Duration(double seconds)
    {
        if (!double.IsFinite(seconds) || seconds < 0 || seconds > TimeSpan.MaxValue.TotalSeconds / 2)
            return "-";
        var span = TimeSpan.FromSeconds(Math.Round(seconds, MidpointRounding.AwayFromZero));
        var minutes = span.TotalHours >= 1
            ? $"{Count(Math.Floor(span.TotalHours))}:{span.Minutes.ToString("00", CultureInfo.InvariantCulture)}"
            : span.Minutes.ToString(CultureInfo.InvariantCulture);
        return $"{minutes}:{span.Seconds.ToString("00", CultureInfo.InvariantCulture)}";
    }

    /// <summary>1.2 GB.</summary>
    public static string Bytes(double bytes) => bytes switch
    {
        >= 1e9 => (bytes / 1e9).ToString("0.0", CultureInfo.InvariantCulture) + " GB",
        >= 1e6 => (bytes / 1e6).ToString("0.0", CultureInfo.InvariantCulture) + " MB",
        >= 1e3 => (bytes / 1e3).ToString("0.0", CultureInfo.InvariantCulture) + " kB",
        _ => Count(bytes) + " B",
    };

    /// <summary>1 worker, 2 workers.</summary>
    public static string Several(long count, string one) => $"{Count(count)} {one}{(count == 1 ? "" : "s")}";
}
