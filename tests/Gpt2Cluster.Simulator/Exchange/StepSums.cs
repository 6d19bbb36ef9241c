using Gpt2Cluster.Core.Reduction;

namespace Gpt2Cluster.Simulator.Exchange;

/// <summary>All that one step's averaging holds on one silo.</summary>
internal sealed class StepSums
{
    private readonly StripeCut cut;
    private readonly bool[] isAveraged;
    private readonly Dictionary<int, StripeReduction> reductions = [];
    private int missingCount;

    /// <summary>Begins a step.</summary>
    public StepSums(long step, int generation, int leafCount, StripeCut cut)
    {
        Step = step;
        Generation = generation;
        Tree = new ReductionTree(leafCount);
        this.cut = cut;
        isAveraged = new bool[cut.StripeCount];
        missingCount = cut.StripeCount;
        Averages = new float[cut.ElementCount];
    }

    /// <summary>The step.</summary>
    public long Step { get; }

    /// <summary>The generation of the plan that the sums belong to.</summary>
    public int Generation { get; private set; }

    /// <summary>The order of summation.</summary>
    public ReductionTree Tree { get; }

    /// <summary>The averaged gradient.</summary>
    public float[] Averages { get; }

    /// <summary>Grows whenever the sums of before may not be read any more.</summary>
    public int SumsVersion { get; private set; }

    /// <summary>What this silo's workers contributed, by reference.</summary>
    public Dictionary<Subtree, float[]> Locals { get; } = [];

    /// <summary>Whether every stripe's average is here.</summary>
    public bool IsComplete => missingCount == 0;

    /// <summary>Whether a stripe's average is here.</summary>
    public bool IsAveraged(int stripe) => isAveraged[stripe];

    /// <summary>A stripe's average is in its place.</summary>
    public void MarkAveraged(int stripe)
    {
        isAveraged[stripe] = true;
        missingCount--;
        reductions.Remove(stripe);
    }

    /// <summary>The local sums that no larger local one contains.</summary>
    public IEnumerable<KeyValuePair<Subtree, float[]>> Largest() =>
        Locals.Where(each => !Locals.Keys.Any(other => other != each.Key && Tree.Contains(other, each.Key))).ToList();

    /// <summary>Takes a sum of a stripe that is reduced here.</summary>
    /// <returns>Whether it completed the stripe's average.</returns>
    public bool Offer(int stripe, Subtree subtree, ReadOnlySpan<float> values, bool isRunningSum)
    {
        if (isAveraged[stripe])
            return false;
        if (!reductions.TryGetValue(stripe, out var reduction))
            reductions.Add(stripe, reduction = new StripeReduction(Tree, isRunningSum));
        var (start, count) = cut.Range(stripe);
        return reduction.Offer(subtree, values, Averages.AsSpan(start, count));
    }

    /// <summary>Forgets the sums of a stripe that is reduced elsewhere.</summary>
    public void Forget(int stripe) => reductions.Remove(stripe);

    /// <summary>The step is planned again: the sums of the plan before are out of use, averages stay.</summary>
    public void PlanAgain(int generation)
    {
        Generation = generation;
        RetireSums();
    }

    /// <summary>The workers' buffers are not read any more.</summary>
    public void RetireSums()
    {
        Locals.Clear();
        reductions.Clear();
        SumsVersion++;
    }
}

/// <summary>The sums of one stripe on its reducer, added in the canonical tree's order.</summary>
/// <param name="tree">The order.</param>
/// <param name="isRunningSum">A mutant's: adds in the order of arrival.</param>
internal sealed class StripeReduction(ReductionTree tree, bool isRunningSum)
{
    private readonly HeldSubtrees held = new(tree);
    private readonly Dictionary<Subtree, float[]> values = [];
    private float[]? running;

    /// <summary>Takes a sum.</summary>
    /// <returns>Whether the average is complete and in its place.</returns>
    public bool Offer(Subtree subtree, ReadOnlySpan<float> sum, Span<float> average)
    {
        if (!held.Offer(subtree, out var additions))
            return false;
        if (isRunningSum)
            running = running is null ? sum.ToArray() : Add(running, sum);
        values[tree.Normalize(subtree)] = sum.ToArray();
        foreach (var addition in additions)
        {
            values.Remove(addition.Left, out var left);
            values.Remove(addition.Right, out var right);
            values[addition.Parent] = Add(left!, right);
        }

        if (!held.IsComplete)
            return false;
        (running ?? values[tree.Root]).CopyTo(average);
        VectorSum.Divide(average, tree.LeafCount);
        return true;
    }

    private static float[] Add(float[] left, ReadOnlySpan<float> right)
    {
        var sum = new float[left.Length];
        VectorSum.Add(left, right, sum);
        return sum;
    }
}
