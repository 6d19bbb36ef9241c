namespace Gpt2Cluster.Grains.Cluster;

/// <summary>How many workers a run asks for.</summary>
/// <param name="Name">The run.</param>
/// <param name="AtLeast">It is not begun with fewer, 1 or more.</param>
/// <param name="AtMost">It is never given more, at least <paramref name="AtLeast"/>.</param>
public sealed record WorkerDemand(string Name, int AtLeast, int AtMost);

/// <summary>Decides which worker serves which run. Pure: the Cluster grain only executes it.</summary>
public static class WorkerAssignment
{
    /// <summary>
    /// Keeps what holds and gives free workers to the runs, oldest first. A run without any worker begins only when it
    /// can
    /// have its least number; one that has lost workers goes on with those it has. No worker is taken from a run that
    /// wants it.
    /// </summary>
    /// <param name="workers">Keys of the workers there are, in their fixed order.</param>
    /// <param name="demands">The runs that want workers, oldest first.</param>
    /// <param name="current">Run by worker, as it is now; workers and runs that are gone may still be in it.</param>
    /// <returns>Run by worker, as it is to be.</returns>
    public static Dictionary<string, string> Assign(
        IReadOnlyList<string> workers, IReadOnlyList<WorkerDemand> demands, IReadOnlyDictionary<string, string> current)
    {
        ArgumentNullException.ThrowIfNull(workers);
        ArgumentNullException.ThrowIfNull(demands);
        ArgumentNullException.ThrowIfNull(current);
        var assigned = new Dictionary<string, string>();
        foreach (var demand in demands)
        {
            var kept = workers.Where(worker => current.GetValueOrDefault(worker) == demand.Name).Take(demand.AtMost);
            foreach (var worker in kept)
                assigned.Add(worker, demand.Name);
        }

        foreach (var demand in demands)
        {
            var has = assigned.Values.Count(run => run == demand.Name);
            var free = workers.Where(worker => !assigned.ContainsKey(worker)).ToList();
            if (has == 0 && free.Count < demand.AtLeast)
                continue;
            foreach (var worker in free.Take(demand.AtMost - has))
                assigned.Add(worker, demand.Name);
        }

        return assigned;
    }
}
