using CsCheck;
using Gpt2Cluster.Core.Memory;
using Gpt2Cluster.Core.Reduction;

namespace Gpt2Cluster.Exchange.Tests;

/// <summary>
/// A step that is planned again under a newer generation is computed again into the same buffers, by other workers and
/// in other cuts. Whatever the exchange still held of the first plan, the average is the oracle's.
/// </summary>
public sealed class RePlannedStepTests
{
    private const int ElementCount = (3 * StripeLayout.MinStripeElements) + 77;

    /// <summary>Chains of plans drawn for every number of leaves.</summary>
    private const int ChainCount = 40;

    [Fact]
    public async Task SumsOfTheFirstPlan_AreNotAddedOnceTheirBufferIsWrittenAgain()
    {
        await using var cluster = new TestCluster(siloCount: 2, leafCount: 4, ElementCount);
        var workers = new PlannedWorkers(cluster);
        cluster.ConfigureAll(1);
        workers.Begin(0, step: 1, generation: 1, first: 0, end: 2);
        workers.Begin(1, step: 1, generation: 1, first: 2, end: 4);
        workers.Finish(0);

        cluster.ConfigureAll(2);
        workers.Begin(0, step: 1, generation: 2, first: 0, end: 2);
        workers.Begin(1, step: 1, generation: 2, first: 2, end: 4);
        workers.Finish(1);
        workers.AwaitReceived(0, step: 1, fullStripeCount: 2);
        workers.Finish(0);

        workers.AssertAverages(1, [0, 1]);
    }

    [Fact]
    public async Task ContributionsOfTheFirstPlan_AreDroppedOnceTheSecondHasBegun()
    {
        await using var cluster = new TestCluster(siloCount: 1, leafCount: 2, ElementCount);
        var workers = new PlannedWorkers(cluster);
        var otherWorkers = new PlannedWorkers(cluster);
        cluster.ConfigureAll(1);
        cluster.BeginAll(1, 1);
        cluster.ConfigureAll(2);
        workers.Begin(0, step: 1, generation: 2, first: 0, end: 1);
        otherWorkers.Begin(0, step: 1, generation: 2, first: 1, end: 2);
        var rubbish = cluster.Own(FlatBuffer.Allocate(ElementCount));
        cluster.Exchanges[0].Contributions(1, 1).Contribute(new Subtree(0, 1), rubbish, 0, ElementCount);
        workers.Finish(0);
        otherWorkers.Finish(0);
        workers.AssertAverages(1, [0]);
    }

    [Fact]
    public async Task RunThatGoesBackToAnOlderStep_AveragesItAgain()
    {
        await using var cluster = new TestCluster(siloCount: 2, leafCount: 2, ElementCount);
        var workers = new PlannedWorkers(cluster);
        cluster.ConfigureAll(1);
        foreach (var (step, generation) in new[] { (7L, 1), (8L, 1), (3L, 2), (4L, 2), (4L, 3) })
        {
            cluster.ConfigureAll(generation);
            workers.Begin(0, step, generation, 0, 1);
            workers.Begin(1, step, generation, 1, 2);
            workers.Finish(0);
            workers.Finish(1);
            workers.AssertAverages(step, [0, 1]);
        }
    }

    /// <summary>
    /// The run goes back to a checkpoint as silo 1 has lost its replica. Silo 0 still serves the averages of the step
    /// before its own to silo 1, which begins that step first, and forgets them when it begins it itself.
    /// </summary>
    [Fact]
    public async Task SiloThatGaveTheAveragesOfAStep_GetsThemBackWhenItBeginsItAnew()
    {
        await using var cluster = new TestCluster(siloCount: 2, leafCount: 2, ElementCount);
        cluster.ConfigureAll(1);
        for (var step = 1; step <= 2; step++)
        {
            cluster.BeginAll(step, 1);
            cluster.ContributeWhole(0, step, 1, new Subtree(0, 0));
            cluster.ContributeWhole(1, step, 1, new Subtree(0, 1));
            cluster.AssertAverages(step);
        }

        await cluster.Channels[1].DisposeAsync();
        cluster.OpenAgain(1);
        cluster.ConfigureAll(2);
        cluster.Exchanges[1].BeginStep(1, 2, []);
        cluster.AssertAverages(1, [1]);
        cluster.Exchanges[0].BeginStep(1, 2, []);
        cluster.ContributeWhole(0, 1, 2, new Subtree(0, 0));
        cluster.ContributeWhole(1, 1, 2, new Subtree(0, 1));
        cluster.AssertAverages(1, [0]);
    }

    [Fact]
    public async Task GenerationThatWasNotBegun_IsRefused()
    {
        await using var cluster = new TestCluster(siloCount: 1, leafCount: 1, ElementCount);
        cluster.ConfigureAll(1);
        cluster.BeginAll(1, 1);
        Assert.Throws<InvalidOperationException>(() => cluster.ContributeWhole(0, 1, 2, new Subtree(0, 0)));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(5)]
    [InlineData(8)]
    public async Task ChainsOfPlansInAnyOrder_GiveTheOraclesBits(int leafCount)
    {
        await using var cluster = new TestCluster(siloCount: 3, leafCount, ElementCount);
        var workers = new PlannedWorkers(cluster);
        var (step, generation) = (0L, 0);
        Gen.Int.Sample(
            seed =>
            {
                var random = new Random(seed);
                var members = DriveChain(cluster, workers, random, ++step, ref generation);
                workers.AssertAverages(step, members);
            },
            iter: ChainCount,
            threads: 1);
    }

    /// <summary>
    /// Plans a step one to three times; each plan but the last is left somewhere in its middle, and the silos hear of
    /// the next one and begin it in an order of their own; until then they go on with the old one.
    /// </summary>
    private static int[] DriveChain(
        TestCluster cluster, PlannedWorkers workers, Random random, long step, ref int generation)
    {
        int[] members = [];
        for (var plan = random.Next(3); plan >= 0; plan--)
        {
            generation++;
            members = [.. Enumerable.Range(0, 3).OrderBy(_ => random.Next()).Take(1 + random.Next(3))];
            var cuts = Enumerable.Range(0, members.Length - 1)
                .Select(_ => random.Next(cluster.LeafCount + 1)).Order().Prepend(0).Append(cluster.LeafCount).ToArray();
            var actions = new List<Queue<Action>>();
            for (var index = 0; index < members.Length; index++)
            {
                var range = (cuts[index], cuts[index + 1]);
                actions.Add(Actions(cluster, workers, members, index, step, generation, range));
            }

            var stopAfter = plan == 0 ? int.MaxValue : random.Next(actions.Sum(own => own.Count) + 1);
            foreach (var silo in random.GetItems(members, 2))
                actions.Add(new([() => cluster.Channels[silo].BreakAll()]));
            for (var done = 0; done < stopAfter && actions.Count > 0; done++)
            {
                var next = random.Next(actions.Count);
                actions[next].Dequeue()();
                if (actions[next].Count == 0)
                    actions.RemoveAt(next);
            }
        }

        return members;
    }

    private static Queue<Action> Actions(
        TestCluster cluster, PlannedWorkers workers, int[] members, int index, long step, int generation,
        (int First, int End) range)
    {
        var silo = members[index];
        var actions = new Queue<Action>();
        var membership = cluster.Membership(generation, silo, members);
        actions.Enqueue(() => workers.Go(silo));
        actions.Enqueue(() => cluster.Exchanges[silo].Configure(membership));
        actions.Enqueue(() => workers.Go(silo));
        actions.Enqueue(() => workers.Begin(silo, step, generation, range.First, range.End));
        for (var piece = workers.PieceCount(range.First, range.End); piece > 0; piece--)
            actions.Enqueue(() => workers.Go(silo));
        return actions;
    }
}
