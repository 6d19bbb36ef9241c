using Gpt2Cluster.Core.Reduction;

namespace Gpt2Cluster.Core.Tests.Reduction;

/// <summary>A reducer of one element: keeps every sum it was ever given.</summary>
internal sealed class DumbReducer(int leafCount)
{
    private readonly HeldSubtrees held = new(new ReductionTree(leafCount));
    private readonly Dictionary<Subtree, float> sums = [];

    public bool IsComplete => held.IsComplete;

    public float Root => held.IsComplete
        ? sums[new ReductionTree(leafCount).Root]
        : throw new InvalidOperationException("The root is not complete.");

    public void Take(Subtree name, float sum)
    {
        if (!held.Offer(name, out var additions))
            return;
        sums[name] = sum;
        foreach (var (left, right, parent) in additions)
            sums[parent] = sums[left] + sums[right];
    }
}
