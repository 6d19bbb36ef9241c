using CsCheck;
using Gpt2Cluster.Core.Checkpoints;

namespace Gpt2Cluster.Core.Tests.Checkpoints;

public sealed class RetentionTests
{
    [Fact]
    public void The_newest_and_the_best_stay() =>
        Assert.Equal([1L, 3L], Retention.Expired([5, 1, 4, 2, 3], 2, 2, []));

    [Fact]
    public void What_others_stand_on_stays_and_counts_for_none_of_the_newest()
    {
        Assert.Equal([3L], Retention.Expired([5, 1, 4, 2, 3], 2, 2, [1]));
        Assert.Equal([1L, 2L], Retention.Expired([5, 1, 4, 2, 3], 3, null, [4, 7]));
    }

    [Fact]
    public void Nothing_expires_below_the_limit() => Assert.Empty(Retention.Expired([1, 2, 3], 3, null, []));

    [Fact]
    public void The_newest_always_stays_and_no_more_than_allowed() =>
        Gen.Select(
            Gen.Long[0, 50].Array[0, 20], Gen.Int[1, 5], Gen.Long[0, 50], Gen.Long[0, 50].Array[0, 3])
        .Sample((steps, keep, best, held) =>
        {
            var expired = Retention.Expired(steps, keep, best, held);
            var kept = steps.Distinct().Except(expired).ToList();
            Assert.True(kept.Except(held).Count() <= keep + 1);
            Assert.Empty(held.Intersect(expired));
            Assert.True(kept.Count >= Math.Min(keep, steps.Distinct().Count()));
            Assert.DoesNotContain(best, expired);
            if (steps.Length > 0)
                Assert.Contains(steps.Max(), kept);
        });

    [Fact]
    public void Keeping_none_is_refused() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => Retention.Expired([1], 0, null, []));
}
