using Gpt2Cluster.Core.Memory;
using Gpt2Cluster.Core.Reduction;

namespace Gpt2Cluster.Exchange.Averaging;

/// <summary>
/// What this silo's workers contributed to one step, by reference. Ranges follow the model's blocks and cut stripes
/// anywhere; a stripe is ready when one buffer holds all of it. Not thread-safe.
/// </summary>
internal sealed class LocalSums(StripeLayout layout, ReductionTree tree)
{
    private readonly Dictionary<Subtree, Sum> sums = [];

    /// <summary>Takes a range of a subtree's sum and says which stripes became ready by it, the last first.</summary>
    public void Add(Subtree subtree, FlatBuffer buffer, long start, long end, List<int> ready)
    {
        if (!sums.TryGetValue(subtree, out var sum))
            sums.Add(subtree, sum = new Sum(layout.StripeCount));
        var given = sum.Given(buffer);
        given.Add(start, end);
        var (first, after) = layout.Overlapping(start, end);
        for (var stripe = after - 1; stripe >= first; stripe--)
        {
            var range = layout.Range(stripe);
            if (sum.Ready[stripe] is not null || !given.Covers(range.Start, range.End))
                continue;
            sum.Ready[stripe] = buffer;
            ready.Add(stripe);
        }
    }

    /// <summary>The buffer that holds a subtree's whole sum; null while none does.</summary>
    public FlatBuffer? Whole(Subtree subtree) =>
        sums.TryGetValue(subtree, out var sum) ? sum.Whole(layout.ElementCount) : null;

    /// <summary>The ready sums of a stripe that no larger ready one contains: all a reducer needs.</summary>
    public void Largest(int stripe, List<(Subtree Subtree, FlatBuffer Buffer)> into)
    {
        into.Clear();
        foreach (var (subtree, sum) in sums)
        {
            if (sum.Ready[stripe] is { } buffer && !HasLarger(stripe, subtree))
                into.Add((subtree, buffer));
        }
    }

    private bool HasLarger(int stripe, Subtree inner)
    {
        foreach (var (outer, sum) in sums)
        {
            if (outer != inner && sum.Ready[stripe] is not null && tree.Contains(outer, inner))
                return true;
        }

        return false;
    }

    private sealed class Sum(int stripeCount)
    {
        private readonly List<(FlatBuffer Buffer, IntervalSet Given)> sources = [];

        public FlatBuffer?[] Ready { get; } = new FlatBuffer?[stripeCount];

        public IntervalSet Given(FlatBuffer buffer)
        {
            foreach (var source in sources)
            {
                if (ReferenceEquals(source.Buffer, buffer))
                    return source.Given;
            }

            var given = new IntervalSet();
            sources.Add((buffer, given));
            return given;
        }

        public FlatBuffer? Whole(long elementCount) =>
            sources.Find(source => source.Given.Covers(0, elementCount)).Buffer;
    }
}
