using System.Globalization;
using System.Text;

namespace Gpt2Cluster.Fuzz.Running;

/// <summary>
/// The table of what each parser has survived, in Markdown. A campaign replaces the lines of its own parsers.
/// </summary>
internal static class Report
{
    private const string Head = """
        # What the parsers survived

        Made by this command; a line is a parser's last campaign:

            dotnet run -c Release --project tests/Gpt2Cluster.Fuzz -- PARSER --report tests/Gpt2Cluster.Fuzz/REPORT.md

        "Slowest" is the processor time of one input, the least of three; through a process, the time. "Allocated" is
        all that one input allocated, held at once or not. "Held" is the most that the process held above what it held
        before its first input, of all inputs together. Limits: a second and 256 MiB; a worker's objects have 304 MiB.
        "Over the limits" are inputs that a library took too much over, for which it has a process of its own.

        | parser | whose | inputs | aim | seed | refused | read | slowest, ms | allocated, MiB | held, MiB
        """ + " | over the limits | findings |\n|---|---|---|---|---|---|---|---|---|---|---|---|";

    /// <summary>Writes the lines of some campaigns into a report that may be there already.</summary>
    public static void Write(string path, IEnumerable<CampaignResult> results)
    {
        var lines = new SortedDictionary<int, string>();
        var order = Targets.ParserTargets.All.Select((target, index) => (target.Name, index))
            .ToDictionary(pair => pair.Name, pair => pair.index, StringComparer.Ordinal);
        foreach (var line in File.Exists(path) ? File.ReadAllLines(path) : [])
        {
            var name = line.StartsWith("| ", StringComparison.Ordinal) ? line.Split('|')[1].Trim() : "";
            if (order.TryGetValue(name, out var index))
                lines[index] = line;
        }

        foreach (var result in results)
            lines[order[result.Target.Name]] = Line(result);
        File.WriteAllText(path, new StringBuilder(Head).Append('\n').AppendJoin('\n', lines.Values).Append('\n')
            .ToString());
    }

    /// <summary>A campaign as a line of the table.</summary>
    public static string Line(CampaignResult result) => string.Create(
        CultureInfo.InvariantCulture,
        $"| {result.Target.Name} | {result.Target.OwnerName} | {result.Count:N0} | {result.Target.Aim:N0} | "
        + $"{result.Options.Seed} | {result.Refused:N0} | {result.Read:N0} | {result.Slowest.TotalMilliseconds:N1} | "
        + $"{Mebibytes(result.LargestBytes):N1} | {Mebibytes(result.GrowthBytes):N0} | {result.Limited:N0} | "
        + $"{result.FaultCount} |");

    private static double Mebibytes(long bytes) => bytes / (double)(1 << 20);
}
