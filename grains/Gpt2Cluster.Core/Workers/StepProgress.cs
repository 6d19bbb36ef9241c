using Gpt2Cluster.Core.Reduction;
using Gpt2Cluster.Core.Runs;

namespace Gpt2Cluster.Core.Workers;

/// <summary>How far a worker is with the micro-batches of a plan; whole micro-batches only.</summary>
/// <param name="plan">Gives the micro-batches in the order they are computed.</param>
/// <param name="before">What an interrupted plan has left; null for nothing.</param>
public sealed class StepProgress(PlanStep plan, StepProgress? before)
{
    private readonly List<double> losses =
        before is not null && Continues(plan, before) ? [.. before.losses] : [];

    /// <summary>The plan.</summary>
    public PlanStep Plan => plan;

    /// <summary>
    /// Whether it goes on with what the plan before has left: that one has the same micro-batches of the same step, and
    /// this one begins with them.
    /// </summary>
    public bool GoesOn { get; } = before is not null && Continues(plan, before);

    /// <summary>Mean loss of each micro-batch that is computed and folded, in that order, nats per token.</summary>
    public IReadOnlyList<double> Losses => losses;

    /// <summary>Micro-batches that were computed under an interrupted plan already.</summary>
    public int KeptCount { get; } = before is not null && Continues(plan, before) ? before.losses.Count : 0;

    /// <summary>Micro-batches of the step that are computed again, as a later plan began anew.</summary>
    public int RecomputedCount { get; } = before?.Plan.Step == plan.Step ? Recomputed(plan, before) : 0;

    /// <summary>The micro-batches that are still to be computed.</summary>
    public IEnumerable<int> Remaining => plan.Ranges.Leaves().Skip(losses.Count);

    /// <summary>The next micro-batch is computed and folded.</summary>
    public void Add(double loss) => losses.Add(loss);

    /// <summary>The report of the whole step; the figures of time and transfer are whoever's who took them.</summary>
    public StepReported Report(double norm, bool applied) =>
        new(plan.Worker, plan.Generation, plan.Step, [.. losses], norm, applied, KeptCount);

    private static bool Continues(PlanStep plan, StepProgress before) =>
        before.Plan.Step == plan.Step && plan.Ranges.BeginsWith([.. before.Plan.Ranges]);

    private static int Recomputed(PlanStep plan, StepProgress before)
    {
        var computed = before.Plan.Ranges.Leaves().Take(before.losses.Count);
        return before.RecomputedCount
            + (Continues(plan, before) ? 0 : computed.Intersect(plan.Ranges.Leaves()).Count());
    }
}
