using CsCheck;
using Gpt2Cluster.Core.Memory;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Reduction;

namespace Gpt2Cluster.Exchange.Tests;

public sealed class AveragingTests
{
    /// <summary>Two stripes and a bit, so that owners differ and the last stripe is short.</summary>
    private const int ElementCount = (2 * StripeLayout.MinStripeElements) + 1234;

    /// <summary>Compositions drawn for every number of leaves and silos.</summary>
    private const int SampleCount = 60;

    /// <summary>Far more stripes than a silo has threads; elements that are few enough for the slow oracle.</summary>
    private const int ManyElementCount = (9 * StripeLayout.MinStripeElements) + 17;

    [Fact]
    public async Task TwoSilosAverage_BitForBit()
    {
        await using var cluster = new TestCluster(siloCount: 2, leafCount: 2, ManyElementCount);
        cluster.ConfigureAll(1);
        for (var step = 1; step <= 4; step++)
        {
            cluster.BeginAll(step, 1);
            cluster.ContributeWhole(0, step, 1, new Subtree(0, 0));
            cluster.ContributeWhole(1, step, 1, new Subtree(0, 1));
            cluster.AssertAverages(step);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    [InlineData(7)]
    [InlineData(8)]
    public async Task EverySplitOverSilosAndWorkers_GivesTheOraclesBits(int leafCount)
    {
        for (var siloCount = 1; siloCount <= 4; siloCount++)
        {
            await using var cluster = new TestCluster(siloCount, leafCount, ElementCount);
            cluster.ConfigureAll(1);
            var step = 0L;
            Composition(siloCount, leafCount).Sample(
                split => AverageSplit(cluster, split, ++step), iter: SampleCount / 16 + 1, threads: 1);
        }
    }

    [Fact]
    public async Task WhatHasLanded_IsTakenWhileTheRestIsOnItsWay()
    {
        await using var cluster = new TestCluster(siloCount: 2, leafCount: 2, ElementCount);
        cluster.ConfigureAll(1);
        cluster.BeginAll(1, 1);
        cluster.ContributeWhole(0, 1, 1, new Subtree(0, 0));
        var first = StripeLayout.MinStripeElements;
        var sums = cluster.SumOf(1, new Subtree(0, 1));
        var landed = new TaskCompletionSource<(long Start, long End)>();
        var averages = Task.Run(
            () => cluster.Exchanges[0].WaitForAverages(1, new FirstLanding(landed), CancellationToken.None));

        cluster.Exchanges[1].Contributions(1, 1).Contribute(new Subtree(0, 1), sums, 0, first);
        Assert.Equal((0, first), await landed.Task.WaitAsync(TestCluster.Deadline));
        Assert.False(averages.IsCompleted);
        cluster.Exchanges[1].Contributions(1, 1).Contribute(new Subtree(0, 1), sums, first, ElementCount);
        Assert.Equal(
            cluster.Expected(1), (await averages.WaitAsync(TestCluster.Deadline)).Floats(0, ElementCount).ToArray());
    }

    private sealed class FirstLanding(TaskCompletionSource<(long Start, long End)> landed) : IAveragesSink
    {
        public void Landed(FlatBuffer averages, long start, long end) => landed.TrySetResult((start, end));
    }

    private static void AverageSplit(TestCluster cluster, Split split, long step)
    {
        bool IsNarrow(int leaf) => (split.NarrowLeaves >> leaf & 1) == 1;
        var random = new Random(split.Seed);
        var pieces = new List<(int Silo, Subtree Subtree, FlatBuffer Buffer, long Start, long End)>();
        var ranges = new List<LeafRange>[cluster.Channels.Count];
        for (var silo = 0; silo < ranges.Length; silo++)
            ranges[silo] = [];
        var first = 0;
        for (var worker = 0; worker < split.Counts.Length; worker++)
        {
            foreach (var subtree in cluster.Tree.CoverRange(first, first + split.Counts[worker]))
            {
                var buffer = cluster.SumOf(step, subtree, IsNarrow);
                foreach (var (start, end) in Cut(random, cluster.ElementCount))
                    pieces.Add((worker / split.WorkersPerSilo, subtree, buffer, start, end));
            }

            ranges[worker / split.WorkersPerSilo].Add(new LeafRange(first, first + split.Counts[worker]));
            first += split.Counts[worker];
        }

        random.Shuffle(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(pieces));
        var begun = new bool[cluster.Channels.Count];
        foreach (var piece in pieces)
        {
            if (!begun[piece.Silo])
                cluster.Exchanges[piece.Silo].BeginStep(step, 1, ranges[piece.Silo]);
            begun[piece.Silo] = true;
            for (var repeat = random.Next(4) / 3; repeat >= 0; repeat--)
            {
                cluster.Exchanges[piece.Silo].Contributions(step, 1)
                    .Contribute(piece.Subtree, piece.Buffer, piece.Start, piece.End);
            }
        }

        cluster.BeginAll(step, 1);
        cluster.AssertAverages(step, Enumerable.Range(0, cluster.Channels.Count), IsNarrow);
    }

    private static List<(long Start, long End)> Cut(Random random, long elementCount)
    {
        var cuts = new SortedSet<long> { 0, elementCount };
        for (var cut = random.Next(4); cut > 0; cut--)
            cuts.Add(random.NextInt64(elementCount));
        return [.. cuts.Zip(cuts.Skip(1))];
    }

    private static Gen<Split> Composition(int siloCount, int leafCount) =>
        from workersPerSilo in Gen.Int[1, 2]
        from cuts in Gen.Int[0, leafCount].Array[(siloCount * workersPerSilo) - 1]
        from narrow in Gen.Int[0, (1 << leafCount) - 1]
        from seed in Gen.Int
        select new Split(Counts([.. cuts.Order()], leafCount), workersPerSilo, narrow, seed);

    private static int[] Counts(int[] cuts, int leafCount) =>
        [.. cuts.Append(leafCount).Zip(cuts.Prepend(0), (end, start) => end - start)];

    private sealed record Split(int[] Counts, int WorkersPerSilo, int NarrowLeaves, int Seed);
}
