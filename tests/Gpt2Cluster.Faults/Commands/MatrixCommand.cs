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
        foreach (var (store, point, fault) in
            from store in stores from point in points from fault in faults select (store, point, fault))
        {
            if (fault.ReasonAgainst(store) is { } reason)
            {
                Console.WriteLine($"{point,-15} {fault.Name,-26} {store,-9} skipped: {reason}");
                continue;
            }

            try
            {
                Console.WriteLine(stages.Strike(store, fault, point, StepsFromNow, waitsForHash: true).Row);
            }
            catch (FaultFailedException failed)
            {
                failedCount++;
                Console.WriteLine($"{point,-15} {fault.Name,-26} {store,-9} FAILED: {failed.Message}");
            }
        }

        stages.Finish();
        Console.WriteLine(failedCount == 0 ? "every run survived" : $"{failedCount} faults were not survived");
        return failedCount == 0 ? 0 : 1;
    }
}
