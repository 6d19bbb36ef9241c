using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Reduction;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Simulator.Workers;

namespace Gpt2Cluster.Simulator.Oracle;

/// <summary>
/// Which micro-batches were computed again, and whether they had to be: only what a worker held that died, was released
/// or was left out of a generation.
/// </summary>
internal sealed class Recomputation
{
    private readonly Dictionary<(long Step, int Leaf), (WorkerService By, string Worker, int Generation)> computed = [];
    private readonly Dictionary<long, SortedDictionary<int, Dictionary<string, PlanStep>>> planned = [];
    private readonly Dictionary<long, List<WorkerService>> applied = [];

    /// <summary>The first one that need not have been; null if there is none.</summary>
    public string? FirstNeedless { get; private set; }

    /// <summary>A coordinator orders a plan.</summary>
    public void Ordered(WorkerId worker, PlanStep plan)
    {
        if (!planned.TryGetValue(plan.Step, out var generations))
            planned.Add(plan.Step, generations = []);
        if (!generations.TryGetValue(plan.Generation, out var workers))
            generations.Add(plan.Generation, workers = []);
        workers[worker.ToString()] = plan;
    }

    /// <summary>
    /// Whether the plans of a step, as far as they were sent, give no micro-batch to two workers. That none is missing
    /// is seen in the bits: what is held of an interrupted plan may complete a step before the last plan is sent.
    /// </summary>
    public bool IsDivided(long step, int generation)
    {
        var workers = planned[step][generation].Values;
        int[] leaves = [.. workers.SelectMany(plan => plan.Ranges.Leaves())];
        return leaves.Distinct().Count() == leaves.Length;
    }

    /// <summary>A worker has applied a step.</summary>
    public void Applied(WorkerService by, long step)
    {
        if (!applied.TryGetValue(step, out var services))
            applied.Add(step, services = []);
        services.Add(by);
    }

    /// <summary>A worker has computed a micro-batch.</summary>
    public void Computed(WorkerService by, WorkerId worker, PlanStep plan, int leaf)
    {
        var (key, generation) = ((plan.Step, leaf), plan.Generation);
        if (computed.TryGetValue(key, out var before))
        {
            if (before.By.IsAlive && !WasLeftOut(before, plan) && !IsStepLost(plan.Step))
            {
                FirstNeedless ??= $"{worker} computed micro-batch {leaf} of step {plan.Step} again in generation "
                    + $"{generation}; {before.Worker} holds it from generation {before.Generation} and lives.";
            }
        }

        computed[key] = (by, worker.ToString(), generation);
    }

    private bool WasLeftOut((WorkerService By, string Worker, int Generation) before, PlanStep plan) =>
        planned[plan.Step].Any(generation => generation.Key > before.Generation && generation.Key <= plan.Generation
            && !generation.Value.ContainsKey(before.Worker));

    // Somebody had applied it already and took it along.
    private bool IsStepLost(long step) => applied.TryGetValue(step, out var services)
        && services.Exists(service => !service.IsAlive);
}
