using CsCheck;
using Gpt2Cluster.Core.Runs.Planning;

namespace Gpt2Cluster.Core.Tests.Reduction;

/// <summary>
/// Workers die one after the other in the middle of a step: the others keep what they have folded, and the root has
/// the bits of the plain recursive sum.
/// </summary>
public sealed class InterruptedStepTests
{
    [Fact]
    public void Only_the_leaves_of_the_dead_are_computed_again_and_the_root_has_the_same_bits() =>
        Gen.Int[1, 24].SelectMany(count => Gen.Select(Floats.OfLength(count), Gen.Int[1, 5], Gen.Int))
            .Sample((leaves, workerCount, seed) =>
            {
                var random = new Random(seed);
                var workers = Enumerable.Range(0, workerCount).Select(_ => new FoldingWorker(leaves.Length)).ToList();
                var (computedCount, lostCount) = (0, 0);
                Plan(workers, leaves.Length, random);
                while (workers.Count > 1 && random.Next(4) > 0)
                {
                    computedCount += Compute(workers, leaves, random, random.Next(2 * leaves.Length));
                    var victim = random.Next(workers.Count);
                    lostCount += workers[victim].FoldedCount;
                    workers.RemoveAt(victim);
                    if (random.Next(3) == 0)
                        workers.Add(new FoldingWorker(leaves.Length));
                    Plan(workers, leaves.Length, random);
                }

                computedCount += Compute(workers, leaves, random, int.MaxValue);
                Assert.Equal(leaves.Length + lostCount, computedCount);
                var reducer = new DumbReducer(leaves.Length);
                var contributions = workers.SelectMany(worker => worker.Contributions).ToArray();
                random.Shuffle(contributions);
                foreach (var (name, sum) in contributions)
                    reducer.Take(name, sum);
                Assert.Equal(Floats.Bits(Floats.TreeSum(leaves)), Floats.Bits(reducer.Root));
            });

    private static void Plan(List<FoldingWorker> workers, int leafCount, Random random)
    {
        var held = workers.ConvertAll(worker => worker.Held);
        var seconds = workers.ConvertAll(_ => 0.1 + random.NextDouble());
        foreach (var (worker, ranges) in workers.Zip(RangePlanner.Continue(held, leafCount, seconds)))
            worker.Begin(ranges);
    }

    private static int Compute(List<FoldingWorker> workers, float[] leaves, Random random, int atMost)
    {
        for (var count = 0; ; count++)
        {
            var busy = workers.FindAll(worker => !worker.IsDone);
            if (busy.Count == 0 || count == atMost)
                return count;
            busy[random.Next(busy.Count)].Compute(leaf => leaves[leaf]);
        }
    }
}
