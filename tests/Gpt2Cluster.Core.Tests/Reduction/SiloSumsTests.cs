using CsCheck;
using Gpt2Cluster.Core.Reduction;

namespace Gpt2Cluster.Core.Tests.Reduction;

public sealed class SiloSumsTests
{
    private const int MostLeaves = 20;

    [Theory]
    [InlineData(8, "0-2,2-4", "2.0")]
    [InlineData(8, "2-4,0-2", "2.0")]
    [InlineData(8, "0-4", "")]
    [InlineData(8, "1-2,2-3", "")]
    [InlineData(8, "0-3,3-4,5-6,6-7,7-8", "2.0 1.3")]
    [InlineData(8, "0-1,1-2,4-8", "1.0")]
    [InlineData(5, "0-4,4-5", "3.0")]
    [InlineData(3, "", "")]
    public void Only_sums_that_no_worker_completes_alone_are_folded(int leafCount, string ranges, string expected) =>
        Assert.Equal(expected, string.Join(' ', SiloSums.Folded(new ReductionTree(leafCount), Parse(ranges))));

    [Fact]
    public void What_leaves_a_silo_is_what_one_worker_with_the_same_leaves_would_send() =>
        (from count in Gen.Int[1, MostLeaves]
         from cuts in Gen.Int[0, count].Array[0, 5]
         from end in Gen.Int[0, count]
         select (count, Cuts: cuts.Where(cut => cut < end).Order().Prepend(0).Append(end).ToArray())).Sample(drawn =>
        {
            var tree = new ReductionTree(drawn.count);
            var ranges = drawn.Cuts.Zip(drawn.Cuts.Skip(1), (first, end) => new LeafRange(first, end)).ToList();
            var folded = SiloSums.Folded(tree, ranges);
            var single = ranges.SelectMany(range => tree.CoverRange(range.First, range.End));
            var leaving = single.Where(part => !folded.Any(sum => tree.Contains(sum, part))).Concat(folded).ToHashSet();
            Assert.Equal(tree.CoverRange(0, drawn.Cuts[^1]).ToHashSet(), leaving);
        });

    private static IEnumerable<LeafRange> Parse(string ranges) =>
        from range in ranges.Split(',', StringSplitOptions.RemoveEmptyEntries)
        let ends = range.Split('-')
        select new LeafRange(int.Parse(ends[0]), int.Parse(ends[1]));
}
