using Gpt2Cluster.Core.Memory;
using Gpt2Cluster.Core.Reduction;

namespace Gpt2Cluster.Exchange.Tests;

/// <summary>What several workers of a silo contribute leaves it as one sum.</summary>
public sealed class SiloFoldTests
{
    private const int ElementCount = (5 * StripeLayout.MinStripeElements) + 321;

    /// <summary>The first step also has the connections' announcements, which make frames go twice.</summary>
    private const int StepCount = 4;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task TwoWorkersOfASilo_SendAsManyBytesAsOne(bool isBFloat16)
    {
        var one = await ExchangedBytes([[new(0, 4)], [new(4, 8)]], isBFloat16);
        var two = await ExchangedBytes([[new(0, 2), new(2, 4)], [new(4, 7), new(7, 8)]], isBFloat16);
        var four = await ExchangedBytes(
            [[new(0, 1), new(1, 2), new(2, 3), new(3, 4)], [new(4, 8)]], isBFloat16);
        Assert.Equal(one, two);
        Assert.Equal(one, four);
    }

    [Fact]
    public async Task SumsThatHaveNoSiblingInTheirSilo_LeaveAsTheyAre()
    {
        // Leaves 1 and 2 are no sum of the tree, and leaf 3 stands alone between others' leaves.
        var split = await ExchangedBytes([[new(1, 2), new(2, 3)], [new(0, 1), new(3, 4)]], isBFloat16: false);
        var whole = await ExchangedBytes([[new(0, 2)], [new(2, 4)]], isBFloat16: false);
        Assert.All(split.Zip(whole), pair => Assert.True(pair.First > pair.Second, $"{pair}"));
    }

    [Fact]
    public async Task PlanThatIsCutShortBetweenTwoWorkers_IsFoldedAnewUnderTheNext()
    {
        await using var cluster = new TestCluster(siloCount: 2, leafCount: 4, ElementCount);
        cluster.ConfigureAll(1);
        LeafRange[][] ranges = [[new(0, 1), new(1, 2)], [new(2, 4)]];
        Begin(cluster, 1, 1, ranges);
        var rubbish = cluster.Own(FlatBuffer.Allocate(ElementCount));
        cluster.Exchanges[0].Contributions(1, 1).Contribute(new Subtree(0, 0), rubbish, 0, ElementCount);
        cluster.ConfigureAll(2);
        Begin(cluster, 1, 2, ranges);
        Contribute(cluster, 1, 2, ranges, isBFloat16: false);
        cluster.AssertAverages(1);
    }

    [Fact]
    public async Task MembershipThatChangesUnderAPlan_GetsTheSumsThatWaitedForTheirSiblings()
    {
        await using var cluster = new TestCluster(siloCount: 2, leafCount: 2, ElementCount);
        cluster.Configure(1, 0, 1);
        cluster.Exchanges[0].BeginStep(1, 1, [new(0, 1), new(1, 2)]);
        cluster.Exchanges[1].BeginStep(1, 1, []);
        cluster.ContributeWhole(0, 1, 1, new Subtree(0, 0));
        cluster.ConfigureAll(2);
        // Silo 0 has begun no newer plan; silo 1 computes the rest itself.
        cluster.Exchanges[1].BeginStep(1, 2, [new(1, 2)]);
        cluster.ContributeWhole(1, 1, 2, new Subtree(0, 1));
        cluster.AssertAverages(1);
    }

    private static async Task<long[]> ExchangedBytes(LeafRange[][] ranges, bool isBFloat16)
    {
        var leafCount = ranges.Sum(own => own.LeafCount());
        await using var cluster = new TestCluster(ranges.Length, leafCount, ElementCount);
        cluster.ConfigureAll(1);
        for (var step = 1; step <= StepCount; step++)
        {
            Begin(cluster, step, 1, ranges);
            Contribute(cluster, step, 1, ranges, isBFloat16);
            cluster.AssertAverages(step, Enumerable.Range(0, ranges.Length), _ => isBFloat16);
        }

        // What came is counted before it is used, so that this is all of it.
        return [.. cluster.Exchanges.Select(exchange => exchange.Figures(StepCount).ReceivedBytes)];
    }

    private static void Begin(TestCluster cluster, long step, int generation, LeafRange[][] ranges)
    {
        for (var silo = 0; silo < ranges.Length; silo++)
            cluster.Exchanges[silo].BeginStep(step, generation, ranges[silo]);
    }

    /// <summary>The workers of all silos at once, each its own sums.</summary>
    private static void Contribute(
        TestCluster cluster, long step, int generation, LeafRange[][] ranges, bool isBFloat16)
    {
        var sums = from silo in Enumerable.Range(0, ranges.Length)
                   from range in ranges[silo]
                   from subtree in cluster.Tree.CoverRange(range.First, range.End)
                   select (Silo: silo, Subtree: subtree, Buffer: cluster.SumOf(step, subtree, _ => isBFloat16));
        var made = sums.ToList();
        Parallel.ForEach(made, sum => cluster.Exchanges[sum.Silo].Contributions(step, generation)
            .Contribute(sum.Subtree, sum.Buffer, 0, cluster.ElementCount));
    }
}
