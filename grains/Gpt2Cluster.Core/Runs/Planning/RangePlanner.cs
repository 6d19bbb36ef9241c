using Gpt2Cluster.Core.Reduction;

namespace Gpt2Cluster.Core.Runs.Planning;

/// <summary>Divides work over workers. The same speeds give the same ranges; no bits depend on them.</summary>
public static class RangePlanner
{
    // A cut that sends fewer subtrees may make the slowest worker this much slower than the fastest cut would.
    private const double AlignmentSlack = 1.05;

    /// <summary>
    /// Contiguous leaves for each worker, so that the slowest finishes as early as possible; of those cuts, one that
    /// sends the fewest subtrees.
    /// </summary>
    /// <param name="leafCount">M, 1 or more.</param>
    /// <param name="seconds">What a leaf takes each worker, above 0; one or more workers.</param>
    public static IReadOnlyList<LeafRange> Divide(int leafCount, IReadOnlyList<double> seconds)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(seconds.Count, 1);
        var limit = ShortestTime(leafCount, seconds) * AlignmentSlack;
        var most = seconds.Select(each => (int)Math.Min(leafCount, Math.Floor(limit / each))).ToArray();
        return FewestSubtrees(new SubtreeCounts(leafCount), leafCount, most);
    }

    /// <summary>
    /// The division to use from now on: <paramref name="present"/>, unless another one would make the slowest worker
    /// finish earlier by more than a factor.
    /// </summary>
    /// <param name="present">The division of now; any other number of ranges than of workers is none.</param>
    /// <param name="leafCount">M, 1 or more.</param>
    /// <param name="seconds">What a leaf takes each worker, above 0; one or more workers.</param>
    /// <param name="worthIt">The factor; less is noise.</param>
    public static IReadOnlyList<LeafRange> Improve(
        IReadOnlyList<LeafRange> present, int leafCount, IReadOnlyList<double> seconds, double worthIt)
    {
        // No division is faster than the shortest time, so most steps end here, without looking at any cut.
        var isOne = present.Count == seconds.Count;
        if (isOne && Time(present, seconds) <= worthIt * ShortestTime(leafCount, seconds))
            return present;
        var best = Divide(leafCount, seconds);
        return isOne && Time(present, seconds) <= worthIt * Time(best, seconds) ? present : best;
    }

    /// <summary>
    /// What each worker computes of a step that was interrupted: the ranges it holds stay in front, so that it goes on
    /// where it stopped, and the leaves that nobody holds are divided over all.
    /// </summary>
    /// <param name="held">
    /// What each worker holds; one that holds a leaf of another before it, of a plan that was given up, begins anew.
    /// </param>
    /// <param name="leafCount">M, 1 or more.</param>
    /// <param name="seconds">What a leaf takes each worker, above 0; as many as in <paramref name="held"/>.</param>
    public static IReadOnlyList<IReadOnlyList<LeafRange>> Continue(
        IReadOnlyList<IReadOnlyList<LeafRange>> held, int leafCount, IReadOnlyList<double> seconds)
    {
        var kept = Disjoint(held, leafCount);
        var lost = LeafRanges.Missing(kept.SelectMany(own => own), leafCount);
        if (lost.Count == 0)
            return kept;
        var parts = Divide(lost.LeafCount(), seconds);
        return [.. kept.Zip(parts, IReadOnlyList<LeafRange> (own, part) => [.. own, .. lost.Slice(part)])];
    }

    /// <summary>How long the slowest worker takes with a division.</summary>
    public static double Time(IEnumerable<LeafRange> ranges, IReadOnlyList<double> seconds) =>
        ranges.Select((range, worker) => range.Count * seconds[worker]).Max();

    /// <summary>Divides <paramref name="count"/> items evenly; nobody has more than one more than another.</summary>
    public static IReadOnlyList<LeafRange> Even(int count, int workerCount) =>
    [
        .. Enumerable.Range(0, workerCount).Select(worker => new LeafRange(
            (int)((long)count * worker / workerCount), (int)((long)count * (worker + 1) / workerCount))),
    ];

    private static List<IReadOnlyList<LeafRange>> Disjoint(
        IReadOnlyList<IReadOnlyList<LeafRange>> held, int leafCount)
    {
        var (kept, taken) = (new List<IReadOnlyList<LeafRange>>(), new HashSet<int>());
        foreach (var own in held)
        {
            var isUsable = own.Leaves().All(leaf => leaf < leafCount && !taken.Contains(leaf));
            kept.Add(isUsable ? own : []);
            taken.UnionWith(kept[^1].Leaves());
        }

        return kept;
    }

    // Leaf by leaf to whoever would finish it first: optimal for leaves of equal work.
    private static double ShortestTime(int leafCount, IReadOnlyList<double> seconds)
    {
        var counts = new int[seconds.Count];
        var time = 0.0;
        for (var leaf = 0; leaf < leafCount; leaf++)
        {
            var next = 0;
            for (var worker = 1; worker < counts.Length; worker++)
            {
                if ((counts[worker] + 1) * seconds[worker] < (counts[next] + 1) * seconds[next])
                    next = worker;
            }

            counts[next]++;
            time = Math.Max(time, counts[next] * seconds[next]);
        }

        return time;
    }

    // Dynamic programming over the cuts: fewest[w, p] subtrees are sent when the first w workers have the first p
    // leaves.
    private static LeafRange[] FewestSubtrees(SubtreeCounts counts, int leafCount, int[] most)
    {
        const int none = int.MaxValue / 2;
        var fewest = new int[most.Length + 1, leafCount + 1];
        var cutBefore = new int[most.Length + 1, leafCount + 1];
        for (var end = 1; end <= leafCount; end++)
            fewest[0, end] = none;
        for (var worker = 1; worker <= most.Length; worker++)
        {
            for (var end = 0; end <= leafCount; end++)
            {
                fewest[worker, end] = none;
                for (var first = Math.Max(0, end - most[worker - 1]); first <= end; first++)
                {
                    var sent = fewest[worker - 1, first] >= none
                        ? none
                        : fewest[worker - 1, first] + counts.Of(first, end);
                    if (sent < fewest[worker, end])
                        (fewest[worker, end], cutBefore[worker, end]) = (sent, first);
                }
            }
        }

        return Backtrack(cutBefore, most.Length, leafCount);
    }

    private static LeafRange[] Backtrack(int[,] cutBefore, int workerCount, int leafCount)
    {
        var ranges = new LeafRange[workerCount];
        for (var (worker, end) = (workerCount, leafCount); worker > 0; worker--)
        {
            ranges[worker - 1] = new LeafRange(cutBefore[worker, end], end);
            end = cutBefore[worker, end];
        }

        return ranges;
    }
}
