using Gpt2Cluster.Core.Reduction;
using Gpt2Cluster.Core.Runs;

namespace Gpt2Cluster.Core.Workers;

/// <summary>
/// What a worker holds of a step that was interrupted between two micro-batches. A step that fails in another way
/// leaves nothing to build on.
/// </summary>
public sealed class InterruptedStep
{
    private StepProgress? running;
    private StepProgress? interrupted;

    /// <summary>A plan is begun, with what is held if it fits.</summary>
    public StepProgress Begin(PlanStep plan)
    {
        running = new StepProgress(plan, interrupted);
        interrupted = null;
        return running;
    }

    /// <summary>The plan that runs ends between two micro-batches, or while averages are awaited.</summary>
    public void Interrupt() => (interrupted, running) = (running ?? interrupted, null);

    /// <summary>The plan that runs has come to its end, or it has failed.</summary>
    public void End() => running = null;

    /// <summary>Nothing of it is of use.</summary>
    public void Clear() => (interrupted, running) = (null, null);

    /// <summary>The ranges that are held, begun at least, of the step after this one; mostly none.</summary>
    public IReadOnlyList<LeafRange> HeldAfter(long step) =>
        interrupted is { Losses.Count: > 0 } held && held.Plan.Step == step + 1 ? held.Plan.Ranges : [];
}
