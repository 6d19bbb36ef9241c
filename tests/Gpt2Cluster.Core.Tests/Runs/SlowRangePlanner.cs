using Gpt2Cluster.Core.Reduction;
using Gpt2Cluster.Core.Runs.Planning;

namespace Gpt2Cluster.Core.Tests.Runs;

/// <summary>
/// The dumb twin of <see cref="RangePlanner"/>: it lists the subtrees of every range it looks at, and always looks.
/// </summary>
internal static class SlowRangePlanner
{
    private const double AlignmentSlack = 1.05;

    public static IReadOnlyList<LeafRange> Divide(int leafCount, IReadOnlyList<double> seconds)
    {
        var limit = ShortestTime(leafCount, seconds) * AlignmentSlack;
        var most = seconds.Select(each => (int)Math.Min(leafCount, Math.Floor(limit / each))).ToArray();
        return FewestSubtrees(new ReductionTree(leafCount), most);
    }

    private static double ShortestTime(int leafCount, IReadOnlyList<double> seconds)
    {
        var counts = new int[seconds.Count];
        for (var leaf = 0; leaf < leafCount; leaf++)
            counts[Enumerable.Range(0, counts.Length).MinBy(worker => (counts[worker] + 1) * seconds[worker])]++;
        return counts.Select((count, worker) => count * seconds[worker]).Max();
    }

    private static LeafRange[] FewestSubtrees(ReductionTree tree, int[] most)
    {
        const int none = int.MaxValue / 2;
        var leafCount = tree.LeafCount;
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
                        : fewest[worker - 1, first] + tree.CoverRange(first, end).Count;
                    if (sent < fewest[worker, end])
                        (fewest[worker, end], cutBefore[worker, end]) = (sent, first);
                }
            }
        }

        var ranges = new LeafRange[most.Length];
        for (var (worker, end) = (most.Length, leafCount); worker > 0; end = cutBefore[worker, end], worker--)
            ranges[worker - 1] = new LeafRange(cutBefore[worker, end], end);
        return ranges;
    }
}
