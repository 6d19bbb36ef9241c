using Gpt2Cluster.Core.Reduction;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Core.Tests.Reduction;

namespace Gpt2Cluster.Core.Tests.Runs;

/// <summary>
/// A worker of a <see cref="SimulatedCluster"/>: folds gradients of one element, and keeps what it has folded when a
/// step is interrupted.
/// </summary>
internal sealed class SimulatedWorker(int leafCount, string incarnation)
{
    private readonly FoldingWorker fold = new(leafCount);
    private readonly Dictionary<long, int> computed = [];

    /// <summary>The step it began last.</summary>
    public long FoldedStep { get; private set; }

    public string Incarnation => incarnation;

    public int Generation { get; private set; }

    /// <summary>The step its replica stands at; null without one.</summary>
    public long? Step { get; set; }

    /// <summary>The plan it works on, or has done; null after a new generation.</summary>
    public PlanStep? Plan { get; private set; }

    /// <summary>What it said of its plan; null while it works on it.</summary>
    public StepReported? Report { get; set; }

    public int KeptCount { get; private set; }

    public bool IsFolded => fold.IsDone;

    public IEnumerable<(Subtree Name, float Sum)> Contributions => fold.Contributions;

    public IReadOnlyList<LeafRange> Held => FoldedStep == Step + 1 ? fold.Held : [];

    public int ComputedCount(long step) => computed.GetValueOrDefault(step);

    public void Serve(int generation)
    {
        if (generation > Generation)
            (Generation, Plan, Report) = (generation, null, null);
    }

    public void Replace(long? step)
    {
        Step = step;
        fold.Forget();
    }

    public void Begin(PlanStep plan)
    {
        if (plan.Step != FoldedStep)
            fold.Forget();
        FoldedStep = plan.Step;
        fold.Begin(plan.Ranges);
        (Plan, Report, KeptCount) = (plan, null, fold.FoldedCount);
    }

    public void Compute(Func<int, float> gradient)
    {
        fold.Compute(gradient);
        computed[Plan!.Step] = ComputedCount(Plan.Step) + 1;
    }
}
