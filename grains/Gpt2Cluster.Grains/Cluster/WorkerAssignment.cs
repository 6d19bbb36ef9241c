namespace Gpt2Cluster.Grains.Cluster;

/// <summary>How many workers a run asks for.</summary>
/// <param name="Name">The run.</param>
/// <param name="AtLeast">It is not begun with fewer, 1 or more.</param>
/// <param name="AtMost">It is never given more, at least <paramref name="AtLeast"/>.</param>
public sealed record WorkerDemand(string Name, int AtLeast, int AtMost);

/// <summary>A worker of the cluster.</summary>
/// <param name="Key">Its key.</param>
/// <param name="StopsWithSilo">Whether its silo was told to stop: no run gets it any more.</param>
public readonly record struct AssignableWorker(string Key, bool StopsWithSilo = false);

/// <summary>Who serves whom, and who is to leave.</summary>
/// <param name="Runs">Run by worker.</param>
/// <param name="Leaving">
/// Why a worker is to leave its run at the next step boundary, by worker. Until the run lets it go it serves that run.
/// </param>
public sealed record AssignmentPlan(Dictionary<string, string> Runs, Dictionary<string, string> Leaving);

/// <summary>
/// Decides which worker serves which run. Pure: the Cluster grain only executes it. The same workers, runs and present
/// assignment give the same answer, and an answer that is executed changes nothing more.
/// </summary>
/// <remarks>
/// First each run is granted its least number: those that have it, so that nobody is taken below it; then those that
/// wait, oldest first. What is left stays where it is, with the oldest first, and what is free goes to whoever wants
/// more, oldest first. Workers that a run has beyond its grant leave it; a run that waits for them gets each as it is
/// let go.
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
        IReadOnlyDictionary<string, string> current)
    {
        ArgumentNullException.ThrowIfNull(workers);
        ArgumentNullException.ThrowIfNull(demands);
        ArgumentNullException.ThrowIfNull(current);
        var shares = demands.Select(demand => new Share(demand)).ToList();
        var (runs, leaving) = (new Dictionary<string, string>(), new Dictionary<string, string>());
        var free = new Queue<string>();
        foreach (var (worker, stops) in workers)
        {
            var run = current.GetValueOrDefault(worker);
            var share = shares.Find(share => share.Demand.Name == run);
            if (share is not null)
                runs.Add(worker, share.Demand.Name);
            if (stops && share is not null)
                leaving.Add(worker, SiloStops);
            else if (!stops && share is not null)
                share.Has.Add(worker);
            else if (!stops)
                free.Enqueue(worker);
        }

        Grant(shares, free.Count + shares.Sum(share => share.Has.Count));
        HandOut(shares, free, runs, leaving);
        return new AssignmentPlan(runs, leaving);
    }

    private static void Grant(List<Share> shares, int workerCount)
    {
        var left = workerCount;
        foreach (var share in shares.Where(share => share.Has.Count >= share.Demand.AtLeast))
            Give(share, share.Demand.AtLeast);
        foreach (var share in shares.Where(share => share.Granted == 0 && share.Demand.AtLeast <= left))
            Give(share, share.Demand.AtLeast);
        foreach (var share in shares)
            Give(share, Math.Min(share.Has.Count, share.Demand.AtMost) - share.Granted);
        foreach (var share in shares.Where(share => share.Granted >= share.Demand.AtLeast))
            Give(share, share.Demand.AtMost - share.Granted);

        void Give(Share share, int count)
        {
            var given = Math.Clamp(count, 0, left);
            share.Granted += given;
            left -= given;
        }
    }

    private static void HandOut(
        List<Share> shares, Queue<string> free, Dictionary<string, string> runs, Dictionary<string, string> leaving)
    {
        var surplus = new Queue<string>(shares.SelectMany(share => share.Has.Skip(share.Granted)));
        foreach (var share in shares)
        {
            for (var missing = share.Granted - share.Has.Count; missing > 0; missing--)
            {
                if (free.TryDequeue(out var worker))
                    runs.Add(worker, share.Demand.Name);
                else
                    leaving.Add(surplus.Dequeue(), $"run {share.Demand.Name} gets it");
            }
        }

        foreach (var worker in surplus)
            leaving.Add(worker, TooMany);
    }

    private sealed class Share(WorkerDemand demand)
    {
        public WorkerDemand Demand => demand;

        /// <summary>Its workers that could stay.</summary>
        public List<string> Has { get; } = [];

        public int Granted { get; set; }
    }
}
