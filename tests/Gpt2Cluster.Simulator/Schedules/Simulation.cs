using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Simulator.Clock;
using Gpt2Cluster.Simulator.Oracle;
using Gpt2Cluster.Simulator.Silos;

namespace Gpt2Cluster.Simulator.Schedules;

/// <summary>What became of a schedule.</summary>
/// <param name="Seed">The seed.</param>
/// <param name="Broken">The promise that was broken; null if all held.</param>
/// <param name="End">How the run ended.</param>
/// <param name="Stops">The named stops on the way.</param>
/// <param name="Tally">The faults.</param>
/// <param name="VirtualTime">How long it took there.</param>
internal sealed record Outcome(
    ulong Seed,
    string? Broken,
    string End,
    IReadOnlyList<string> Stops,
    Tally Tally,
    TimeSpan VirtualTime);

/// <summary>Runs one schedule from its seed to the end of its run.</summary>
internal static class Simulation
{
    /// <summary>
    /// Once everything is mended the run ends within this time beside that of its compute: calls of before give up
    /// after 30 s, and one for a replica's hash after 2 minutes; the store is waited for 30 s, and reports are made
    /// again every second.
    /// </summary>
    public static readonly TimeSpan CalmBound = TimeSpan.FromSeconds(300);

    // Who was frozen or cut off until everything was mended says by then what it still has to say.
    private static readonly TimeSpan LastWordsBound = TimeSpan.FromSeconds(10);

    /// <summary>Runs a schedule.</summary>
    /// <param name="seed">Says everything about it.</param>
    /// <param name="mutant">The deliberate mistake, if any.</param>
    /// <param name="trace">Takes a line for everything that happens; null for none.</param>
    public static Outcome Run(ulong seed, Mutant mutant = Mutant.None, TextWriter? trace = null)
    {
        // Tasks go on where they are completed, on this thread.
        var context = SynchronizationContext.Current;
        SynchronizationContext.SetSynchronizationContext(null);
        try
        {
            return RunHere(seed, mutant, trace);
        }
        finally
        {
            SynchronizationContext.SetSynchronizationContext(context);
        }
    }

    private static Outcome RunHere(ulong seed, Mutant mutant, TextWriter? trace)
    {
        var chance = new Chance(seed);
        var cluster = new SimulatedCluster(ScheduledWorld.Draw(chance), chance, mutant, trace);
        foreach (var machine in cluster.Machines)
            cluster.Timeline.After(chance.Seconds(0, 1), null, () => cluster.Start(machine));
        var people = new People(cluster);
        var plan = FaultPlan.Draw(cluster, people);
        cluster.Timeline.After(chance.Seconds(0, 2), null, people.Begin);
        while (cluster.Watch.FirstBroken is null && !IsOver(cluster, people, plan))
        {
            if (cluster.Timeline.Now > plan.CalmAt + CalmBound + cluster.World.LongestCompute)
                cluster.Watch.Broken(people.End is null ? Stuck(cluster) : Unsettled(cluster));
            Advance(cluster);
        }

        if (cluster.Watch.FirstBroken is null)
            EndCheck.Look(cluster, people);
        var end = people.End?.Summary.Status.Word() ?? "none";
        return new Outcome(
            seed, cluster.Watch.FirstBroken, end, people.Stops, cluster.Tally, cluster.Timeline.Now);
    }

    private static bool IsOver(SimulatedCluster cluster, People people, FaultPlan plan) =>
        people.End is not null && cluster.Watch.AreEventsTold
        && cluster.Timeline.Now > plan.CalmAt + LastWordsBound && people.IsListed;

    private static void Advance(SimulatedCluster cluster)
    {
        try
        {
            cluster.Timeline.Advance();
        }
        catch (Exception problem)
        {
            cluster.Watch.Broken($"The simulation itself failed: {problem}");
        }
    }

    private static string Unsettled(SimulatedCluster cluster) =>
        $"{CalmBound.TotalSeconds:0} s after everything was mended the run has ended, and "
        + (cluster.Watch.AreEventsTold
            ? "the cluster's list still has it as before, or gives it workers."
            : "its events are not told.");

    private static string Stuck(SimulatedCluster cluster)
    {
        var record = cluster.Watch.Newest;
        return $"The run has not ended {CalmBound.TotalSeconds:0} s after everything was mended: it is "
            + $"{record?.Status} at step {record?.CommittedStep}, generation {record?.Generation} ({record?.Remark}).";
    }
}
