using System.Globalization;
using System.Text;
using Gpt2Cluster.Faults.Faults;

namespace Gpt2Cluster.Faults.Commands;

/// <summary>What random faults came to: a row each, then a table by kind and the worst cases.</summary>
/// <param name="file">A Markdown file that it is appended to; null for none.</param>
internal sealed class Report(string? file)
{
    private const int WorstCount = 10;

    private readonly List<(int Seed, Cell Drawn, Outcome? Outcome, Failure? Failure)> rows = [];

    /// <summary>Faults that were not survived.</summary>
    public int FailureCount => rows.Count(row => row.Failure is not null);

    /// <summary>The last row, for people who wait.</summary>
    public string LastLine { get; private set; } = "";

    /// <summary>Begins a section.</summary>
    public void Open(string title) => Write($"""

        ## {title}

        | seed | cluster | fault | point | struck | recovery (s) | computed again (by the dead) | steps lost | result |
        |---|---|---|---|---|---|---|---|---|
        """);

    /// <summary>A run survived.</summary>
    public void Add(int seed, Cell drawn, Outcome outcome)
    {
        rows.Add((seed, drawn, outcome, null));
        LastLine = outcome.Row;
        Write(string.Create(
            CultureInfo.InvariantCulture,
            $"| {seed} | {drawn.Store}, {drawn.Ground} | {outcome.Fault} | {drawn.Point} | {outcome.Target} | "
            + $"{outcome.Recovery.TotalSeconds:0.00} | {outcome.AgainCount} ({outcome.DeadCount}) | "
            + $"{outcome.LostSteps} | ok |"));
    }

    /// <summary>A run did not survive.</summary>
    public void Add(int seed, Cell drawn, FaultFailedException failed)
    {
        rows.Add((seed, drawn, null, failed.Kind));
        LastLine = $"seed {seed}, {drawn.Fault.Name} at {drawn.Point}, {drawn.Store}, {drawn.Ground}: {failed.Message}";
        var first = failed.Message.Split('\n')[0];
        var cell = $"{drawn.Store}, {drawn.Ground} | {drawn.Fault.Name} | {drawn.Point}";
        Write($"| {seed} | {cell} | - | - | - | - | **{first}** |");
    }

    /// <summary>The last runs did not end as they should.</summary>
    public void AddEnd(FaultFailedException failed)
    {
        rows.Add((rows[^1].Seed, rows[^1].Drawn, null, failed.Kind));
        Write($"\nThe end of the last run: **{failed.Message.Split('\n')[0]}**");
        Console.WriteLine(failed.Message);
    }

    /// <summary>Ends the section with its tables.</summary>
    public void Close(TimeSpan elapsed)
    {
        const string Head =
            "| kind | count | median (s) | 99th percentile (s) | longest (s) | mismatches | hung | broken |";
        var text = new StringBuilder().AppendLine().AppendLine(Head);
        text.AppendLine("|---|---|---|---|---|---|---|---|");
        foreach (var kind in rows.GroupBy(row => KindOf(row.Drawn)).OrderBy(kind => kind.Key, StringComparer.Ordinal))
            text.AppendLine(Totals(kind.Key, [.. kind]));
        text.AppendLine(Totals("all", rows)).AppendLine();
        text.AppendLine($"{rows.Count} faults in {elapsed:h\\:mm\\:ss}. The slowest:").AppendLine();
        var slowest = rows.Where(row => row.Outcome is not null).OrderByDescending(row => row.Outcome!.Recovery);
        foreach (var row in slowest.Take(WorstCount))
            text.AppendLine($"* seed {row.Seed}: {row.Outcome!.Row}");
        Write(text.ToString().TrimEnd());
        Console.WriteLine(text);
    }

    private static string KindOf(Cell drawn) => drawn.Fault.Lasts > TimeSpan.Zero
        ? drawn.Fault.Name[..drawn.Fault.Name.LastIndexOf('-')]
        : drawn.Fault.Name;

    private static string Totals(
        string kind, List<(int Seed, Cell Drawn, Outcome? Outcome, Failure? Failure)> rows)
    {
        var times = new Percentiles(rows.Select(row => row.Outcome?.Recovery).OfType<TimeSpan>());
        return string.Create(
            CultureInfo.InvariantCulture,
            $"| {kind} | {rows.Count} | {times.At(50):0.00} | {times.At(99):0.00} | {times.At(100):0.00} | "
            + $"{Count(Failure.Mismatch)} | {Count(Failure.Hung)} | {Count(Failure.Broken)} |");

        int Count(Failure kind) => rows.Count(row => row.Failure == kind);
    }

    private void Write(string text)
    {
        if (file is not null)
            File.AppendAllText(file, text + "\n");
    }
}
