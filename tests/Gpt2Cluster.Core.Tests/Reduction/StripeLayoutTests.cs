using CsCheck;
using Gpt2Cluster.Core.Reduction;

namespace Gpt2Cluster.Core.Tests.Reduction;

public sealed class StripeLayoutTests
{
    [Fact]
    public void Gpt2_has_475_stripes_of_a_mebibyte()
    {
        var layout = new StripeLayout(124_439_808);
        Assert.Equal(475, layout.StripeCount);
        Assert.Equal(new ElementRange(474L * 262_144, 183_552), layout.Range(474));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(65_535)]
    [InlineData(100_000)]
    [InlineData(1_114_112)]
    public void Other_stripe_sizes_are_refused(int stripeElements) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new StripeLayout(1, stripeElements));

    [Fact]
    public void Stripes_tile_the_gradient_and_overlaps_are_exact() =>
        Gen.Select(Gen.Long[0, 5_000_000], Gen.Int[1, 16], Gen.Long[0, 5_000_000], Gen.Long[0, 5_000_000])
            .Sample((elements, blocks, a, b) =>
            {
                var layout = new StripeLayout(elements, blocks * StripeLayout.MinStripeElements);
                var ranges = Enumerable.Range(0, layout.StripeCount).Select(layout.Range).ToArray();
                Assert.Equal(elements, ranges.Sum(range => (long)range.Count));
                Assert.All(ranges.Zip(ranges.Skip(1)), pair => Assert.Equal(pair.First.End, pair.Second.Start));
                var (start, end) = (Math.Min(Math.Min(a, b), elements), Math.Min(Math.Max(a, b), elements));
                var (first, last) = layout.Overlapping(start, end);
                var expected = ranges.Count(range => range.Start < end && start < range.End && start < end);
                Assert.Equal(expected, last - first);
                Assert.All(ranges[first..last], range => Assert.True(range.Start < end && start < range.End));
            });

    [Fact]
    public void Ranges_outside_are_refused()
    {
        var layout = new StripeLayout(10);
        Assert.Throws<ArgumentOutOfRangeException>(() => layout.Range(1));
        Assert.Throws<ArgumentOutOfRangeException>(() => layout.Overlapping(0, 11));
        Assert.Throws<ArgumentOutOfRangeException>(() => layout.Overlapping(5, 4));
    }

    [Fact]
    public void Silos_take_stripes_in_turn() =>
        Assert.Equal([0, 1, 2, 0, 1], Enumerable.Range(0, 5).Select(index => StripeLayout.Owner(index, 3)));
}
