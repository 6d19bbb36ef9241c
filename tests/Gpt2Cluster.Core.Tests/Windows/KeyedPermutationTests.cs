using CsCheck;
using Gpt2Cluster.Core.Windows;

namespace Gpt2Cluster.Core.Tests.Windows;

public sealed class KeyedPermutationTests
{
    /// <summary>
    /// A chi-square of a fair shuffle lies within five of its standard deviations, <c>sqrt(2 df)</c>, but for one in a
    /// million; the seeds are fixed, so the test always gives the same answer.
    /// </summary>
    private const double StandardDeviations = 5;

    [Fact]
    public void Every_element_comes_exactly_once() =>
        Gen.Select(Gen.Int[1, 300], Gen.ULong, Gen.Long[0, 1 << 40]).Sample((count, seed, epoch) =>
            Assert.Equal(Enumerable.Range(0, count).Select(index => (long)index), All(count, seed, epoch).Order()));

    [Fact]
    public void Large_counts_stay_in_range_and_do_not_repeat()
    {
        var permutation = new KeyedPermutation(1L << 40, 7, 3);
        var elements = Enumerable.Range(0, 1000).Select(position => permutation[position]).ToHashSet();
        Assert.Equal(1000, elements.Count);
        Assert.All(elements, element => Assert.InRange(element, 0, (1L << 40) - 1));
    }

    [Fact]
    public void Seeds_and_epochs_give_different_orders()
    {
        var orders = from seed in new ulong[] { 0, 1, 2, ulong.MaxValue }
                     from epoch in new[] { 0L, 1, 2, 3 }
                     select string.Join(',', All(50, seed, epoch));
        Assert.Equal(16, orders.Distinct().Count());
    }

    [Fact]
    public void The_order_never_changes_between_versions() =>
        Assert.Equal([4, 1, 0, 3, 7, 5, 6, 2], All(8, 1, 0));

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(7)]
    [InlineData(32)]
    public void Every_element_is_equally_likely_at_every_position(int count)
    {
        const int epochs = 4000;
        var hits = new int[count, count];
        for (var epoch = 0; epoch < epochs; epoch++)
        {
            var permutation = new KeyedPermutation(count, 42, epoch);
            for (var position = 0; position < count; position++)
                hits[position, permutation[position]]++;
        }

        AssertUniform(hits.Cast<int>(), epochs / (double)count, (count - 1.0) * (count - 1));
    }

    [Fact]
    public void Every_order_of_four_is_equally_likely()
    {
        const int epochs = 24_000;
        var orders = new Dictionary<string, int>();
        for (var epoch = 0; epoch < epochs; epoch++)
        {
            var order = string.Concat(All(4, 9, epoch));
            orders[order] = orders.GetValueOrDefault(order) + 1;
        }

        Assert.Equal(24, orders.Count);
        AssertUniform(orders.Values, epochs / 24.0, 23);
    }

    [Fact]
    public void Neighbours_come_from_everywhere()
    {
        const int count = 100_000;
        var permutation = new KeyedPermutation(count, 5, 0);
        var buckets = new int[50];
        for (var position = 0; position < count - 1; position++)
            buckets[(permutation[position + 1] - permutation[position] + count) % count * buckets.Length / count]++;
        AssertUniform(buckets, (count - 1) / (double)buckets.Length, buckets.Length - 1);
    }

    [Fact]
    public void A_position_outside_is_refused()
    {
        var permutation = new KeyedPermutation(5, 1, 0);
        Assert.Throws<ArgumentOutOfRangeException>(() => permutation[5]);
        Assert.Throws<ArgumentOutOfRangeException>(() => permutation[-1]);
        Assert.Throws<ArgumentOutOfRangeException>(() => new KeyedPermutation(0, 1, 0));
    }

    private static long[] All(int count, ulong seed, long epoch)
    {
        var permutation = new KeyedPermutation(count, seed, epoch);
        return [.. Enumerable.Range(0, count).Select(position => permutation[position])];
    }

    private static void AssertUniform(IEnumerable<int> observed, double expected, double degreesOfFreedom)
    {
        var chiSquare = observed.Sum(hits => (hits - expected) * (hits - expected) / expected);
        var margin = StandardDeviations * Math.Sqrt(2 * degreesOfFreedom);
        Assert.InRange(chiSquare, Math.Max(0, degreesOfFreedom - margin), degreesOfFreedom + margin);
    }
}
