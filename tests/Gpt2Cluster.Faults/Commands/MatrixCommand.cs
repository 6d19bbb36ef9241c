using System.CommandLine;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Faults.Faults;
using Gpt2Cluster.Faults.Processes;

namespace Gpt2Cluster.Faults.Commands;

/// <summary>Every fault at every point, on both stores.</summary>
internal static class MatrixCommand
{
    private const int StepsFromNow = 2;

    /// <summary>Describes the command.</summary>
    public static Command Describe()
    {
        var faults = new Option<string[]>("--fault")
        {
            Description = $"only these: {string.Join(", ", FaultKinds.All.Select(fault => fault.Name))}",
            AllowMultipleArgumentsPerToken = true,
        };
        var points = new Option<FaultPoint[]>("--point")
        {
            Description = "only at these",
            AllowMultipleArgumentsPerToken = true,
        };
        var stores = new Option<StoreKind[]>("--store")
        {
            Description = "only on these",
            AllowMultipleArgumentsPerToken = true,
        };
        var command = new Command("matrix", "Lets every fault happen at every point and prints what it cost.")
        {
            faults, points, stores, CommonOptions.Steps,
        };
        command.SetAction(parsed => Run(
            Chosen(parsed.GetValue(faults), FaultKinds.All, fault => fault.Name),
            Chosen(parsed.GetValue(points), Enum.GetValues<FaultPoint>(), point => point),
            Chosen(parsed.GetValue(stores), Enum.GetValues<StoreKind>(), store => store),
            parsed.GetValue(CommonOptions.Steps)));
        return command;
    }

    private static List<T> Chosen<T, TKey>(TKey[]? wanted, IEnumerable<T> all, Func<T, TKey> key) =>
        [.. all.Where(each => wanted is null or [] || wanted.Contains(key(each)))];

    private static int Run(List<Fault> faults, List<FaultPoint> points, List<StoreKind> stores, int steps)
    {
        using var stages = new Stages(steps, Console.WriteLine);
        var failedCount = 0;
        Console.WriteLine(Outcome.Head);
        var cells = from store in stores
                    from ground in Enum.GetValues<Ground>()
                    from point in points
                    from fault in faults
                    where fault.Ground == ground
                    select new Cell(store, ground, fault, point, StepsFromNow);
        foreach (var cell in cells)
        {
            var name = $"{cell.Point,-15} {cell.Fault.Name,-26} {cell.Store,-9}";
            if (cell.ReasonAgainst is { } reason)
            {
                Console.WriteLine($"{name} skipped: {reason}");
                continue;
            }

            try
            {
                Console.WriteLine(stages.Strike(cell, waitsForHash: true).Row);
            }
            catch (FaultFailedException failed)
            {
                failedCount++;
                Console.WriteLine($"{name} FAILED: {failed.Message}");
            }
        }

        stages.Finish();
        Console.WriteLine(failedCount == 0 ? "every run survived" : $"{failedCount} faults were not survived");
        return failedCount == 0 ? 0 : 1;
    }
}
