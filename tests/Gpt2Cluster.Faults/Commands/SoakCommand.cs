using System.CommandLine;
using System.Globalization;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Faults.Faults;
using Gpt2Cluster.Faults.Processes;

namespace Gpt2Cluster.Faults.Commands;

/// <summary>
/// A fault every minute for a long time, and what the silos hold after each. The first silo is frozen now and then and
/// never killed, so that what a silo gathers over the time shows.
/// </summary>
internal static class SoakCommand
{
    private const int DefaultMinutes = 120;
    private const int MaximumStepsFromNow = 12;

    // The first and the last quarter of the time are compared.
    private const int PartsCompared = 4;

    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan ShortFreeze = TimeSpan.FromSeconds(1);

    /// <summary>Describes the command.</summary>
    public static Command Describe()
    {
        var minutes = new Option<int>("--minutes") { DefaultValueFactory = _ => DefaultMinutes };
        var seed = new Option<int>("--seed") { Description = "of the faults", DefaultValueFactory = _ => 1 };
        var store = new Option<StoreKind>("--store") { DefaultValueFactory = _ => StoreKind.Redis };
        var report = new Option<string?>("--report") { Description = "a Markdown file that rows are appended to" };
        var command = new Command("soak", "A fault every minute; samples memory, files, connections and keys.")
        {
            minutes, seed, store, report, CommonOptions.Steps,
        };
        command.SetAction(parsed => Run(
            parsed.GetValue(minutes), parsed.GetValue(seed), parsed.GetValue(store), parsed.GetValue(report),
            parsed.GetValue(CommonOptions.Steps)));
        return command;
    }

    private static int Run(int minutes, int seed, StoreKind store, string? report, int steps)
    {
        using var stages = new Stages(steps, Console.WriteLine) { IsFirstSiloSpared = true };
        var random = new Random(seed);
        var clock = System.Diagnostics.Stopwatch.StartNew();
        Write(report, $"\n## Soak of {minutes} minutes beside {store}, seed {seed}\n");
        Write(report, "| minute | fault | point | recovery (s) | runs | keys | silo: MB, files, sockets, threads |");
        Write(report, "|---|---|---|---|---|---|---|");
        var spared = new List<Footprint>();
        for (var minute = 1; minute <= minutes; minute++)
        {
            var (fault, point) = Draw(random, stages.Cluster);
            var stepsFromNow = 1 + random.Next(MaximumStepsFromNow);
            var outcome = stages.Strike(new Cell(store, Ground.Plain, fault, point, stepsFromNow), waitsForHash: true);
            var cluster = stages.Cluster!;
            if (Footprint.Of(cluster.Silos[0]) is { } footprint)
                spared.Add(footprint);
            Write(report, string.Create(
                CultureInfo.InvariantCulture,
                $"| {minute} | {fault.Name} | {point} | {outcome.Recovery.TotalSeconds:0.00} | {stages.RunCount} | "
                + $"{Footprint.KeyCount(cluster.Silos[0].StoreAddress)} | {Footprints(cluster)} |"));
            var next = cluster.Sightings.Now + (minute * Minute) - clock.Elapsed;
            cluster.Sightings.WaitFor(cluster.Sightings.Now, next, _ => false);
        }

        var runCount = stages.RunCount;
        var keyCount = Footprint.KeyCount(stages.Cluster!.Silos[0].StoreAddress);
        stages.Finish();
        Write(report, $"\nEvery state hash was the undisturbed run's. {keyCount} keys of {runCount} runs.");
        Write(report, Growth(spared));
        return 0;
    }

    /// <summary>Medians of what the silo that lived all the time held, in its first part and its last.</summary>
    private static string Growth(List<Footprint> held)
    {
        var part = Math.Max(1, held.Count / PartsCompared);
        var (first, last) = (held.Take(part).ToList(), held.TakeLast(part).ToList());
        return string.Create(
            CultureInfo.InvariantCulture,
            $"Silo {held[0].Silo}, medians of the first and the last {part} minutes: "
            + $"{Median(one => one.ResidentBytes >> 20)} MB, {Median(one => one.FileCount)} files, "
            + $"{Median(one => one.SocketCount)} sockets, {Median(one => one.ThreadCount)} threads.");

        string Median(Func<Footprint, long> of) => string.Create(
            CultureInfo.InvariantCulture,
            $"{first.Select(of).Order().ElementAt(part / 2)} and {last.Select(of).Order().ElementAt(part / 2)}");
    }

    private static (Fault Fault, FaultPoint Point) Draw(Random random, Cluster? cluster)
    {
        var points = Enum.GetValues<FaultPoint>();
        var point = points[random.Next(points.Length)];
        var isFirstCoordinator = cluster?.Coordinator(TimeSpan.Zero) == cluster?.Silos[0];
        return random.Next(4) switch
        {
            0 => (new Freeze(Victim.Coordinator, ShortFreeze), point),
            1 => (new Freeze(Victim.Worker, ShortFreeze), point),
            2 when !isFirstCoordinator => (new Kill(Victim.Coordinator, restartsAtOnce: false), point),
            _ => (new Kill(Victim.Worker, restartsAtOnce: random.Next(2) == 0), point),
        };
    }

    private static string Footprints(Cluster cluster) => string.Join("; ", cluster.Silos
        .Select(Footprint.Of)
        .OfType<Footprint>()
        .Select(held => string.Create(
            CultureInfo.InvariantCulture,
            $"{held.Silo}/{held.Process}: {held.ResidentBytes >> 20}, {held.FileCount}, {held.SocketCount}, "
            + $"{held.ThreadCount}")));

    private static void Write(string? report, string line)
    {
        Console.WriteLine(line);
        if (report is not null)
            File.AppendAllText(report, line + "\n");
    }
}
