using CsCheck;
using Gpt2Cluster.Core.Reduction;

namespace Gpt2Cluster.Core.Tests.Reduction;

/// <summary>
/// The claim the whole product rests on: however the leaves are cut over workers, the root has the same bits.
/// </summary>
public sealed class SameBitsTests
{
    [Fact]
    public void Every_cut_of_up_to_eight_leaves_gives_the_bits_of_the_recursive_sum()
    {
        for (var leafCount = 1; leafCount <= 8; leafCount++)
        {
            var count = leafCount;
            Gen.Select(Floats.OfLength(count), Gen.Int).Sample(
                (leaves, seed) =>
                {
                    for (var cuts = 0; cuts < 1 << (count - 1); cuts++)
                        AssertSameBits(leaves, Cut(count, index => (cuts >> index & 1) != 0), new Random(seed));
                },
                iter: 40);
        }
    }

    [Fact]
    public void Random_cuts_of_up_to_forty_leaves_give_the_bits_of_the_recursive_sum() =>
        Gen.Int[1, 40].SelectMany(count => Gen.Select(Floats.OfLength(count), Gen.Bool.Array[count], Gen.Int))
            .Sample((leaves, cuts, seed) =>
                AssertSameBits(leaves, Cut(leaves.Length, index => cuts[index]), new Random(seed)));

    [Fact]
    public void Another_cut_after_a_new_generation_gives_the_same_bits() =>
        Gen.Int[1, 40].SelectMany(count => Gen.Select(Floats.OfLength(count), Gen.Bool.Array[2 * count], Gen.Int))
            .Sample((leaves, cuts, seed) =>
            {
                var random = new Random(seed);
                var reducer = new DumbReducer(leaves.Length);
                var before = Contributions(leaves, Cut(leaves.Length, index => cuts[index]));
                foreach (var (name, sum) in before.Where(_ => random.Next(2) == 0))
                    reducer.Take(name, sum);
                foreach (var (name, sum) in Contributions(leaves, Cut(leaves.Length, i => cuts[leaves.Length + i])))
                    reducer.Take(name, sum);
                Assert.Equal(Floats.Bits(Floats.TreeSum(leaves)), Floats.Bits(reducer.Root));
            });

    [Fact]
    public void A_running_sum_has_other_bits()
    {
        var differing = 0;
        Floats.OfLength(8).Sample(
            leaves =>
            {
                if (Floats.Bits(leaves.Aggregate((a, b) => a + b)) != Floats.Bits(Floats.TreeSum(leaves)))
                    Interlocked.Increment(ref differing);
            },
            iter: 200);
        Assert.InRange(differing, 50, 200);
    }

    private static List<(int First, int End)> Cut(int leafCount, Func<int, bool> cutAfter)
    {
        var ranges = new List<(int, int)>();
        var first = 0;
        for (var end = 1; end <= leafCount; end++)
        {
            if (end < leafCount && !cutAfter(end - 1))
                continue;
            ranges.Add((first, end));
            first = end;
        }

        return ranges;
    }

    private static void AssertSameBits(float[] leaves, List<(int First, int End)> ranges, Random arrival)
    {
        var contributions = Contributions(leaves, ranges).ToArray();
        arrival.Shuffle(contributions);
        var reducer = new DumbReducer(leaves.Length);
        foreach (var (name, sum) in contributions)
        {
            reducer.Take(name, sum);
            reducer.Take(name, sum);
        }

        Assert.Equal(Floats.Bits(Floats.TreeSum(leaves)), Floats.Bits(reducer.Root));
    }

    private static List<(Subtree Name, float Sum)> Contributions(float[] leaves, List<(int First, int End)> ranges)
    {
        var contributions = new List<(Subtree, float)>();
        foreach (var (first, end) in ranges)
        {
            var plan = FoldPlan.For(new ReductionTree(leaves.Length), first, end);
            var buffers = new float[plan.BufferCount];
            foreach (var step in plan.Steps)
            {
                buffers[step.Target] = step.Addends.Aggregate(leaves[step.Leaf], (sum, held) => buffers[held] + sum);
                if (step.IsContribution)
                    contributions.Add((step.Result, buffers[step.Target]));
            }
        }

        return contributions;
    }

    private sealed class DumbReducer(int leafCount)
    {
        private readonly HeldSubtrees held = new(new ReductionTree(leafCount));
        private readonly Dictionary<Subtree, float> sums = [];

        public float Root => held.IsComplete
            ? sums[new ReductionTree(leafCount).Root]
            : throw new InvalidOperationException("The root is not complete.");

        public void Take(Subtree name, float sum)
        {
            if (!held.Offer(name, out var additions))
                return;
            sums[name] = sum;
            foreach (var (left, right, parent) in additions)
                sums[parent] = sums[left] + sums[right];
        }
    }
}
