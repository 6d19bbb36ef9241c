using System.Globalization;
using System.Text.RegularExpressions;

namespace Gpt2Cluster.Silo.Tests.Processes;

/// <summary>Reads Prometheus' text format strictly: a line that is none of it fails the test.</summary>
internal static partial class PrometheusText
{
    /// <summary>The samples by name, the last one of each.</summary>
    public static Dictionary<string, double> Parse(string text)
    {
        var samples = new Dictionary<string, double>(StringComparer.Ordinal);
        foreach (var line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Where(line => line[0] != '#'))
        {
            var match = Sample().Match(line);
            Assert.True(match.Success, $"no sample: {line}");
            samples[match.Groups["name"].Value] = Number(match.Groups["value"].Value);
        }

        return samples;
    }

    private static double Number(string text) => text switch
    {
        "+Inf" => double.PositiveInfinity,
        "-Inf" => double.NegativeInfinity,
        _ => double.Parse(text, CultureInfo.InvariantCulture),
    };

    [GeneratedRegex(
        """^(?<name>[a-zA-Z_:][\w:]*)(\{([a-zA-Z_]\w*="([^"\\]|\\.)*",?)*\})? (?<value>\S+)( \d+)?$""")]
    private static partial Regex Sample();
}
