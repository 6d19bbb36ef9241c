using System.CommandLine;
using System.Globalization;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Faults.Faults;
using Gpt2Cluster.Faults.Processes;

namespace Gpt2Cluster.Faults.Commands;

/// <summary>How long a run stands still after a silo was killed, with the store in a process of its own.</summary>
internal static class RecoveryCommand
{
    private const int DefaultCount = 50;

    // No divisor of the number of points, so that every point is met at every distance.
    private const int RunSpacing = 7;

    private static readonly FaultPoint[] OfWorker =
        [FaultPoint.Forward, FaultPoint.Backward, FaultPoint.Contributing, FaultPoint.Averaged, FaultPoint.Applied];

    private static readonly FaultPoint[] OfCoordinator =
        [.. OfWorker, FaultPoint.Planning, FaultPoint.Committing, FaultPoint.Committed];

    /// <summary>Describes the command.</summary>
    public static Command Describe()
    {
        var count = new Option<int>("--count")
        {
            Description = "kills of each kind",
            DefaultValueFactory = _ => DefaultCount,
        };
        var report = new Option<string?>("--report") { Description = "a Markdown file that the table is appended to" };
        var command = new Command(
            "recovery", "Kills workers' silos and the coordinator's, beside a redis-server, and times the next commit.")
        {
            count, report, CommonOptions.Steps,
        };
        command.SetAction(parsed =>
            Run(parsed.GetValue(count), parsed.GetValue(report), parsed.GetValue(CommonOptions.Steps)));
        return command;
    }

    private static int Run(int count, string? report, int steps)
    {
        using var stages = new Stages(steps, Console.WriteLine);
        var failedCount = 0;
        string[] table =
        [
            "",
            "| killed silo | kills | median (s) | 99th percentile (s) | longest (s) | steps lost | not survived |",
            "|---|---|---|---|---|---|---|",
            Measure(stages, "a worker's", Victim.Worker, OfWorker, count, ref failedCount),
            Measure(stages, "the coordinator's", Victim.Coordinator, OfCoordinator, count, ref failedCount),
        ];
        Console.WriteLine(string.Join('\n', table));
        if (report is not null)
            File.AppendAllLines(report, table);
        stages.Finish();
        return failedCount == 0 ? 0 : 1;
    }

    private static string Measure(
        Stages stages, string name, Victim victim, FaultPoint[] points, int count, ref int failedCount)
    {
        var failedBefore = failedCount;
        var fault = new Kill(victim, restartsAtOnce: false);
        var outcomes = new List<Outcome>();
        Console.WriteLine(Outcome.Head);
        for (var index = 0; index < count; index++)
        {
            // Other distances from the last fault meet checkpoints, samples and validations at other moments.
            var stepsFromNow = 1 + (index % RunSpacing);
            var cell = new Cell(StoreKind.Redis, Ground.Plain, fault, points[index % points.Length], stepsFromNow);
            try
            {
                outcomes.Add(stages.Strike(cell, waitsForHash: false));
                Console.WriteLine($"{outcomes[^1].Row}  ({index + 1} of {count})");
            }
            catch (FaultFailedException failed)
            {
                failedCount++;
                Console.WriteLine($"kill {index + 1} FAILED: {failed.Message}");
            }
        }

        var times = new Percentiles(outcomes.Select(outcome => outcome.Recovery));
        return string.Create(
            CultureInfo.InvariantCulture,
            $"| {name} | {times.Count} | {times.At(50):0.00} | {times.At(99):0.00} | {times.At(100):0.00} | "
            + $"{outcomes.Sum(outcome => outcome.LostSteps)} | {failedCount - failedBefore} |");
    }
}
