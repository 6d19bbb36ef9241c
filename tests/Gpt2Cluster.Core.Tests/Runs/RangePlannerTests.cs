using CsCheck;
using Gpt2Cluster.Core.Reduction;
using Gpt2Cluster.Core.Runs.Planning;
using Gpt2Cluster.Core.Tests.Reduction;

namespace Gpt2Cluster.Core.Tests.Runs;

public sealed class RangePlannerTests
{
    [Theory]
    [InlineData(8, "0..4 4..8")]
    [InlineData(8, "0..2 2..4 4..6 6..8")]
    [InlineData(4, "0..2 2..4")]
    [InlineData(2, "0..0 0..1 1..2")]
    [InlineData(6, "0..2 2..4 4..6")]
    public void Equal_workers_get_aligned_ranges(int leaves, string expected)
    {
        var workers = expected.Split(' ').Length;
        Assert.Equal(expected, string.Join(' ', RangePlanner.Divide(leaves, [.. Enumerable.Repeat(1.0, workers)])));
    }

    [Fact]
    public void A_worker_of_a_third_of_the_speed_gets_a_third_of_the_leaves() =>
        Assert.Equal([new(0, 6), new(6, 8)], RangePlanner.Divide(8, [1.0, 3.0]));

    [Fact]
    public void A_worker_that_would_hold_the_others_gets_nothing() =>
        Assert.Equal([new(0, 4), new(4, 4)], RangePlanner.Divide(4, [1.0, 100.0]));

    [Fact]
    public void Ranges_cover_all_leaves_and_no_cut_is_much_faster() =>
        Gen.Select(Gen.Int[1, 12], Gen.Double[0.1, 10].Array[1, 3]).Sample((leaves, seconds) =>
        {
            var ranges = RangePlanner.Divide(leaves, seconds);
            Assert.Equal(seconds.Length, ranges.Count);
            Assert.Equal((0, leaves), (ranges[0].First, ranges[^1].End));
            Assert.All(ranges.Zip(ranges.Skip(1)), pair => Assert.Equal(pair.First.End, pair.Second.First));
            var time = RangePlanner.Time(ranges, seconds);
            Assert.True(time <= 1.0501 * AllCuts(leaves, seconds.Length).Min(cut => RangePlanner.Time(cut, seconds)));
        });

    [Fact]
    public void The_fewest_subtrees_are_those_of_the_slow_twin() =>
        Gen.Select(Gen.Int[1, 24], Gen.Double[0.1, 10].Array[1, 5]).Sample((leaves, seconds) =>
            Assert.Equal(SlowRangePlanner.Divide(leaves, seconds), RangePlanner.Divide(leaves, seconds)));

    [Fact]
    public void Ranges_are_cut_anew_when_the_slow_twin_says_so() =>
        (from leaves in Gen.Int[1, 24]
         from before in Gen.Double[0.1, 10].Array[1, 5]
         from noise in Gen.Double[0.7, 1.4].Array[5, 5]
         select (leaves, before, noise)).Sample(sample =>
        {
            var (leaves, before, noise) = sample;
            var present = RangePlanner.Divide(leaves, before);
            double[] after = [.. before.Select((each, worker) => each * noise[worker])];
            var best = SlowRangePlanner.Divide(leaves, after);
            var isWorthIt = RangePlanner.Time(present, after) > 1.1 * RangePlanner.Time(best, after);
            Assert.Equal(isWorthIt ? best : present, RangePlanner.Improve(present, leaves, after, 1.1));
            Assert.Equal(best, RangePlanner.Improve([], leaves, after, 1.1));
        });

    [Theory]
    [InlineData("0..2|", "0..2+2..3|3..4")]
    [InlineData("0..2|2..4", "0..2|2..4")]
    [InlineData("2..3|0..1", "2..3+1..2|0..1+3..4")]
    [InlineData("|", "0..2|2..4")]
    [InlineData("0..2|1..3", "0..2+2..3|3..4")]
    [InlineData("0..5|", "0..2|2..4")]
    public void What_is_held_stays_in_front_and_what_nobody_holds_is_divided(string held, string expected) =>
        Assert.Equal(expected, Text(RangePlanner.Continue(Parse(held), 4, [1.0, 1.0])));

    [Fact]
    public void Survivors_keep_their_ranges_and_every_leaf_is_planned_once() =>
        (from tree in Ranges.OfTree
         from seconds in Gen.Double[0.1, 10].Array[1, 6]
         from seed in Gen.Int
         select (tree, seconds, seed)).Sample(sample =>
        {
            var (tree, seconds, random) = (sample.tree, sample.seconds, new Random(sample.seed));
            var held = seconds.Select(_ => new List<LeafRange>()).ToList();
            foreach (var range in tree.Ranges)
                held[random.Next(held.Count)].Add(range);
            var planned = RangePlanner.Continue(held, tree.LeafCount, seconds);
            Assert.All(held.Zip(planned), pair => Assert.True(pair.Second.BeginsWith(pair.First)));
            Assert.Equal(
                Enumerable.Range(0, tree.LeafCount), planned.SelectMany(ranges => ranges.Leaves()).Order());
        });

    [Fact]
    public void Subtrees_are_counted_as_the_tree_lists_them()
    {
        for (var leaves = 1; leaves <= 70; leaves++)
        {
            var (tree, counts) = (new ReductionTree(leaves), new SubtreeCounts(leaves));
            for (var first = 0; first <= leaves; first++)
            {
                for (var end = first; end <= leaves; end++)
                    Assert.Equal(tree.CoverRange(first, end).Count, counts.Of(first, end));
            }
        }
    }

    [Fact]
    public void Even_parts_differ_by_one_at_most() =>
        Gen.Select(Gen.Int[0, 1000], Gen.Int[1, 20]).Sample((count, workers) =>
        {
            var ranges = RangePlanner.Even(count, workers);
            Assert.Equal(count, ranges.Sum(range => range.Count));
            Assert.InRange(ranges.Max(range => range.Count) - ranges.Min(range => range.Count), 0, 1);
        });

    private static IEnumerable<LeafRange[]> AllCuts(int leaves, int workers)
    {
        if (workers == 1)
            return [[new LeafRange(0, leaves)]];
        return from last in Enumerable.Range(0, leaves + 1)
               from front in AllCuts(last, workers - 1)
               select front.Append(new LeafRange(last, leaves)).ToArray();
    }

    private static List<LeafRange>[] Parse(string lists) =>
    [
        .. from list in lists.Split('|')
           select (from range in list.Split('+', StringSplitOptions.RemoveEmptyEntries)
                   let ends = range.Split("..")
                   select new LeafRange(int.Parse(ends[0]), int.Parse(ends[1]))).ToList(),
    ];

    private static string Text(IEnumerable<IEnumerable<LeafRange>> lists) =>
        string.Join('|', lists.Select(ranges => string.Join('+', ranges)));
}
