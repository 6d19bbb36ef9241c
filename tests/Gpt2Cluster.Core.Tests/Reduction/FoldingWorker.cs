using Gpt2Cluster.Core.Reduction;

namespace Gpt2Cluster.Core.Tests.Reduction;

/// <summary>
/// A worker of one element: folds what it computes as <see cref="FoldPlan"/> says, and goes on where it was when its
/// next plan begins with the ranges of the one before.
/// </summary>
internal sealed class FoldingWorker(int leafCount)
{
    private readonly Dictionary<FoldBuffer, float> buffers = [];
    private IReadOnlyList<LeafRange> ranges = [];
    private FoldPlan plan = FoldPlan.For(new ReductionTree(leafCount), []);
    private int foldedCount;

    public IReadOnlyList<LeafRange> Held => foldedCount > 0 ? ranges : [];

    public int FoldedCount => foldedCount;

    public bool IsDone => foldedCount == plan.Steps.Count;

    /// <summary>What is finished, as it lies in the buffers now.</summary>
    public IEnumerable<(Subtree Name, float Sum)> Contributions => plan.Steps.Take(foldedCount)
        .Where(step => step.IsContribution)
        .Select(step => (step.Result, buffers[step.Target]));

    public void Begin(IReadOnlyList<LeafRange> next)
    {
        if (!next.BeginsWith([.. ranges]))
            Forget();
        ranges = next;
        plan = FoldPlan.For(new ReductionTree(leafCount), next);
    }

    /// <summary>Computes the next leaf.</summary>
    public int Compute(Func<int, float> gradient)
    {
        var step = plan.Steps[foldedCount++];
        buffers[step.Target] = step.Addends.Aggregate(gradient(step.Leaf), (sum, held) => buffers[held] + sum);
        return step.Leaf;
    }

    /// <summary>Another step begins, or the replica is another one.</summary>
    public void Forget()
    {
        (foldedCount, ranges) = (0, []);
        buffers.Clear();
    }
}
