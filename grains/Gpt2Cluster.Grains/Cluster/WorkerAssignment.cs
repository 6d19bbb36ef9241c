using Gpt2Cluster.Core.Names;

namespace Gpt2Cluster.Grains.Cluster;

/// <summary>How many workers a run asks for.</summary>
/// <param name="Name">The run.</param>
/// <param name="AtLeast">It is not begun with fewer, 1 or more.</param>
/// <param name="AtMost">It is never given more, at least <paramref name="AtLeast"/>.</param>
public sealed record WorkerDemand(RunName Name, int AtLeast, int AtMost)
{
    /// <summary>
    /// Keys of workers that it cannot use: their devices are of another class, or their profile would compute other
    /// bits.
    /// </summary>
    public IReadOnlySet<WorkerId> Refused { get; init; } = new HashSet<WorkerId>();

    /// <summary>Whether it can use a worker.</summary>
    public bool Takes(WorkerId worker) => !Refused.Contains(worker);
}

/// <summary>A worker of the cluster.</summary>
/// <param name="Key">Its key.</param>
/// <param name="StopsWithSilo">Whether its silo was told to stop: no run gets it any more.</param>
public readonly record struct AssignableWorker(WorkerId Key, bool StopsWithSilo = false);

/// <summary>Who serves whom, and who is to leave.</summary>
/// <param name="Runs">Run by worker.</param>
/// <param name="Leaving">
/// Why a worker is to leave its run at the next step boundary, by worker. Until the run lets it go it serves that run.
/// </param>
public sealed record AssignmentPlan(Dictionary<WorkerId, RunName> Runs, Dictionary<WorkerId, string> Leaving);

/// <summary>
/// Decides which worker serves which run. Pure: the Cluster grain only executes it. The same workers, runs and present
/// assignment give the same answer, and an answer that is executed changes nothing more; where runs refuse workers it
/// comes to rest after a few.
/// </summary>
/// <remarks>
/// First each run is granted its least number: those that have it, so that nobody is taken below it; then those that
/// wait, oldest first. What is left stays where it is, with the oldest first, and what is free goes to whoever wants
/// more, oldest first. Workers that a run has beyond its grant leave it; a run that waits for them gets each as it is
/// let go. A worker that its run refuses is free at once; what one run is granted and cannot use, as it refuses what is
/// there, stays where it is or goes to the oldest that can.
/// </remarks>
public static class WorkerAssignment
{
    /// <summary>Why a worker of a silo that was told to stop leaves.</summary>
    public const string SiloStops = "its silo stops";

    private const string TooMany = "the run asks for fewer";

    /// <summary>Decides.</summary>
    /// <param name="workers">The workers there are, in their fixed order.</param>
    /// <param name="demands">The runs that want workers, oldest first.</param>
    /// <param name="current">Run by worker, as it is now; workers and runs that are gone may still be in it.</param>
    public static AssignmentPlan Assign(
        IReadOnlyList<AssignableWorker> workers,
        IReadOnlyList<WorkerDemand> demands,
        IReadOnlyDictionary<WorkerId, RunName> current)
    {
        ArgumentNullException.ThrowIfNull(workers);
        ArgumentNullException.ThrowIfNull(demands);
        ArgumentNullException.ThrowIfNull(current);
        var usable = workers.Where(worker => !worker.StopsWithSilo).Select(worker => worker.Key).ToList();
        var shares = demands.Select(demand => new Share(demand, usable.Count(demand.Takes))).ToList();
        var (runs, leaving) = (new Dictionary<WorkerId, RunName>(), new Dictionary<WorkerId, string>());
        var free = new List<WorkerId>();
        foreach (var (worker, stops) in workers)
        {
            var share = current.TryGetValue(worker, out var run)
                ? shares.Find(share => share.Demand.Name == run && share.Demand.Takes(worker))
                : null;
            if (share is not null)
                runs.Add(worker, share.Demand.Name);
            if (stops && share is not null)
                leaving.Add(worker, SiloStops);
            else if (!stops && share is not null)
                share.Has.Add(worker);
            else if (!stops)
                free.Add(worker);
        }

        Grant(shares, usable.Count);
        HandOut(shares, free, runs, leaving);
        return new AssignmentPlan(runs, leaving);
    }

    private static void Grant(List<Share> shares, int workerCount)
    {
        var left = workerCount;
        foreach (var share in shares.Where(share => share.Has.Count >= share.Demand.AtLeast))
            Give(share, share.Demand.AtLeast);
        foreach (var share in shares.Where(share => share.Granted == 0 && share.Demand.AtLeast <= share.Possible(left)))
            Give(share, share.Demand.AtLeast);
        foreach (var share in shares)
            Give(share, Math.Min(share.Has.Count, share.Demand.AtMost) - share.Granted);
        foreach (var share in shares.Where(share => share.Granted >= share.Demand.AtLeast))
            Give(share, share.Demand.AtMost - share.Granted);

        void Give(Share share, int count)
        {
            var given = Math.Clamp(count, 0, share.Possible(left));
            share.Granted += given;
            left -= given;
        }
    }

    private static void HandOut(
        List<Share> shares,
        List<WorkerId> free,
        Dictionary<WorkerId, RunName> runs,
        Dictionary<WorkerId, string> leaving)
    {
        var surplus = shares.SelectMany(share => share.Has.Skip(share.Granted)).ToList();
        foreach (var share in shares)
        {
            share.Gets = Math.Min(share.Has.Count, share.Granted);
            while (share.Gets < share.Granted && Next(share) is { } worker)
            {
                if (free.Remove(worker))
                    runs.Add(worker, share.Demand.Name);
                else if (surplus.Remove(worker))
                    leaving.Add(worker, $"run {share.Demand.Name} gets it");
                share.Gets++;
            }
        }

        LeaveTheRest(shares, surplus, leaving);
        foreach (var share in shares)
        {
            foreach (var worker in free.Where(share.CanUse).Take(share.Demand.AtMost - share.Gets).ToList())
            {
                runs.Add(worker, share.Demand.Name);
                free.Remove(worker);
            }
        }

        WorkerId? Next(Share share) =>
            free.Concat(surplus).Where(share.Demand.Takes).Cast<WorkerId?>().FirstOrDefault();
    }

    /// <summary>Those that nobody else can use stay where they are, as far as their run asks for them.</summary>
    private static void LeaveTheRest(List<Share> shares, List<WorkerId> surplus, Dictionary<WorkerId, string> leaving)
    {
        foreach (var worker in surplus)
        {
            var share = shares.Find(share => share.Has.Contains(worker))!;
            if (share.Gets < share.Demand.AtMost)
                share.Gets++;
            else
                leaving.Add(worker, TooMany);
        }
    }

    private sealed class Share(WorkerDemand demand, int usableCount)
    {
        public WorkerDemand Demand => demand;

        /// <summary>Its workers that could stay.</summary>
        public List<WorkerId> Has { get; } = [];

        public int Granted { get; set; }

        /// <summary>How many of its grant it has, is given or is promised.</summary>
        public int Gets { get; set; }

        /// <summary>How many more it can be granted at most.</summary>
        public int Possible(int left) => Math.Min(left, usableCount - Granted);

        /// <summary>Whether one that nobody else was given is of use to it.</summary>
        public bool CanUse(WorkerId worker) => Gets >= demand.AtLeast && demand.Takes(worker);
    }
}
