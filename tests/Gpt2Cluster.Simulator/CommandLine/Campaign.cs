using System.Diagnostics;
using Gpt2Cluster.Simulator.Schedules;

namespace Gpt2Cluster.Simulator.CommandLine;

/// <summary>Runs many schedules and sums them up.</summary>
internal sealed class Campaign
{
    private const int ShownBroken = 20;
    private static readonly TimeSpan ProgressPeriod = TimeSpan.FromSeconds(10);

    private readonly Lock gate = new();
    private readonly Options options;
    private readonly TextWriter output;
    private readonly Stopwatch watch = Stopwatch.StartNew();
    private readonly Tally tally = new();
    private readonly SortedDictionary<string, long> ends = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, long> stops = new(StringComparer.Ordinal);
    private readonly List<Outcome> broken = [];
    private Outcome? longest;
    private TimeSpan virtualTime;
    private TimeSpan saidAt;
    private long doneCount;
    private long nextIndex = -1;

    private Campaign(Options options, TextWriter output) => (this.options, this.output) = (options, output);

    /// <summary>Runs the schedules.</summary>
    /// <returns>Whether all promises held in all of them.</returns>
    public static bool Run(Options options, TextWriter output)
    {
        var campaign = new Campaign(options, output);
        Thread[] threads = [.. Enumerable.Range(0, options.Parallel).Select(_ => new Thread(campaign.Work))];
        foreach (var thread in threads)
            thread.Start();
        foreach (var thread in threads)
            thread.Join();
        campaign.SumUp();
        return campaign.broken.Count == 0;
    }

    private void Work()
    {
        while (Interlocked.Increment(ref nextIndex) is var index && index < options.ScheduleCount)
            Take(Simulation.Run(options.FirstSeed + (ulong)index, options.Mutant));
    }

    private void Take(Outcome outcome)
    {
        lock (gate)
        {
            doneCount++;
            tally.Add(outcome.Tally);
            virtualTime += outcome.VirtualTime;
            ends[outcome.End] = ends.GetValueOrDefault(outcome.End) + 1;
            foreach (var stop in outcome.Stops)
                stops[stop] = stops.GetValueOrDefault(stop) + 1;
            if (longest is null || outcome.VirtualTime > longest.VirtualTime)
                longest = outcome;
            if (outcome.Broken is not null)
                Show(outcome);
            if (watch.Elapsed - saidAt < ProgressPeriod)
                return;
            saidAt = watch.Elapsed;
            output.WriteLine($"{doneCount} schedules, {doneCount / watch.Elapsed.TotalSeconds:0} a second, "
                + $"{broken.Count} broken");
        }
    }

    private void Show(Outcome outcome)
    {
        broken.Add(outcome);
        if (broken.Count > ShownBroken)
            return;
        output.WriteLine($"seed {outcome.Seed}: {outcome.Broken}");
        output.WriteLine("  " + ReplayCommand(outcome.Seed, options.Mutant));
    }

    /// <summary>The command that shows what happens under a seed.</summary>
    public static string ReplayCommand(ulong seed, Mutant mutant) =>
        $"dotnet run -c Release --project tests/Gpt2Cluster.Simulator -- --replay {seed}"
        + (mutant == Mutant.None ? "" : $" --mutant {mutant}");

    private void SumUp()
    {
        output.WriteLine();
        output.WriteLine($"{doneCount} schedules in {watch.Elapsed.TotalSeconds:0.0} s, "
            + $"{doneCount / watch.Elapsed.TotalSeconds:0} a second; "
            + $"{virtualTime.TotalHours:0.0} hours of virtual time; {broken.Count} broken");
        output.WriteLine($"the longest, seed {longest?.Seed}: {longest?.VirtualTime.TotalSeconds:0} s of virtual time");
        Table("ended", ends);
        Table("stops on the way", stops);
        var faults = Enum.GetValues<Fault>().Select(fault => KeyValuePair.Create($"{fault}", tally[fault]));
        Table("faults", faults);
    }

    private void Table(string title, IEnumerable<KeyValuePair<string, long>> counts)
    {
        output.WriteLine(title);
        foreach (var (name, count) in counts)
            output.WriteLine($"  {count,9}  {name}");
    }
}
