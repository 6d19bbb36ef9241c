using System.CommandLine;
using System.Diagnostics;
using Gpt2Cluster.Faults.Faults;
using Gpt2Cluster.Faults.Processes;

namespace Gpt2Cluster.Faults.Commands;

/// <summary>Faults of random kinds at random points, one as soon as the run has recovered from the last.</summary>
internal static class RandomCommand
{
    private const int DefaultCount = 100;

    /// <summary>Describes the command.</summary>
    public static Command Describe()
    {
        var count = new Option<int>("--count") { Description = "faults", DefaultValueFactory = _ => DefaultCount };
        var seed = new Option<int>("--seed")
        {
            Description = "of the first fault; each of the following ones has the next seed",
            DefaultValueFactory = _ => 1,
        };
        var store = new Option<StoreKind?>("--store") { Description = "only on this one; else on both" };
        var report = new Option<string?>("--report") { Description = "a Markdown file that rows are appended to" };
        var command = new Command("random", "Lets faults of random kinds happen at random points.")
        {
            count, seed, store, report, CommonOptions.Steps, CommonOptions.Train,
        };
        command.SetAction(parsed => Run(
            parsed.GetValue(seed), parsed.GetValue(count), parsed.GetValue(store), parsed.GetValue(report),
            parsed.GetValue(CommonOptions.Steps), parsed.GetValue(CommonOptions.Train)!));
        return command;
    }

    private static int Run(int firstSeed, int count, StoreKind? only, string? reportFile, int steps, string train)
    {
        using var stages = new Stages(steps, Console.WriteLine, train);
        var report = new Report(reportFile);
        report.Open($"Random faults, seeds {firstSeed} to {firstSeed + count - 1}");
        var clock = Stopwatch.StartNew();
        for (var seed = firstSeed; seed < firstSeed + count; seed++)
        {
            var drawn = RandomCells.Draw(seed, only);
            if (drawn.ReasonAgainst is { } reason)
            {
                Console.WriteLine($"seed {seed} is skipped: {reason}");
                continue;
            }

            try
            {
                report.Add(seed, drawn, stages.Strike(drawn, waitsForHash: false));
            }
            catch (FaultFailedException failed)
            {
                report.Add(seed, drawn, failed);
            }

            Console.WriteLine(
                $"{seed - firstSeed + 1} of {count} after {clock.Elapsed:h\\:mm\\:ss}: {report.LastLine}");
        }

        try
        {
            stages.Finish();
        }
        catch (FaultFailedException failed)
        {
            report.AddEnd(failed);
        }

        report.Close(clock.Elapsed);
        return report.FailureCount == 0 ? 0 : 1;
    }
}
