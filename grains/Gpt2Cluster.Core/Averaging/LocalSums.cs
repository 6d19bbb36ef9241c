using Gpt2Cluster.Core.Reduction;

namespace Gpt2Cluster.Core.Averaging;

/// <summary>
/// Which sums this silo has of one plan, from its workers or of several of them. Ranges follow the model's blocks and
/// cut stripes anywhere; a stripe is ready when all of it was given.
/// </summary>
internal sealed class LocalSums(StripeLayout layout, ReductionTree tree)
{
    private readonly Dictionary<Subtree, Sum> sums = [];

    /// <summary>Takes a range of a sum and says which stripes became ready by it, the last first.</summary>
    public List<int> Add(Subtree subtree, long start, long end)
    {
        if (!sums.TryGetValue(subtree, out var sum))
            sums.Add(subtree, sum = new Sum(new IntervalSet(), new bool[layout.StripeCount]));
        sum.Given.Add(start, end);
        var ready = new List<int>();
        var (first, after) = layout.Overlapping(start, end);
        for (var stripe = after - 1; stripe >= first; stripe--)
        {
            var range = layout.Range(stripe);
            if (sum.Ready[stripe] || !sum.Given.Covers(range.Start, range.End))
                continue;
            sum.Ready[stripe] = true;
            ready.Add(stripe);
        }

        return ready;
    }

    /// <summary>Whether all of a sum is here.</summary>
    public bool IsWhole(Subtree subtree) => sums[subtree].Given.Covers(0, layout.ElementCount);

    /// <summary>The ready sums of a stripe that no larger ready one contains: all a reducer needs.</summary>
    public List<Subtree> Largest(int stripe)
    {
        var ready = new List<Subtree>();
        foreach (var (subtree, sum) in sums)
        {
            if (sum.Ready[stripe])
                ready.Add(subtree);
        }

        var all = ready.Count > 1 ? ready.ToArray() : [];
        ready.RemoveAll(inner => Array.Exists(all, outer => outer != inner && tree.Contains(outer, inner)));
        return ready;
    }

    private sealed record Sum(IntervalSet Given, bool[] Ready);
}
