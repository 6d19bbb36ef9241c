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
                        AssertSameBits(leaves, Ranges.Cut(count, index => (cuts >> index & 1) != 0), new Random(seed));
                },
                iter: 40);
        }
    }

    [Fact]
    public void Random_cuts_of_up_to_forty_leaves_give_the_bits_of_the_recursive_sum() =>
        Gen.Int[1, 40].SelectMany(count => Gen.Select(Floats.OfLength(count), Gen.Bool.Array[count], Gen.Int))
            .Sample((leaves, cuts, seed) =>
                AssertSameBits(leaves, Ranges.Cut(leaves.Length, index => cuts[index]), new Random(seed)));

    [Fact]
    public void Another_cut_after_a_new_generation_gives_the_same_bits() =>
        Gen.Int[1, 40].SelectMany(count => Gen.Select(Floats.OfLength(count), Gen.Bool.Array[2 * count], Gen.Int))
            .Sample((leaves, cuts, seed) =>
            {
                var random = new Random(seed);
                var reducer = new DumbReducer(leaves.Length);
                var before = Contributions(leaves, Ranges.Cut(leaves.Length, index => cuts[index]));
                foreach (var (name, sum) in before.Where(_ => random.Next(2) == 0))
                    reducer.Take(name, sum);
                var after = Ranges.Cut(leaves.Length, index => cuts[leaves.Length + index]);
                foreach (var (name, sum) in Contributions(leaves, after))
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

    private static void AssertSameBits(float[] leaves, List<LeafRange> ranges, Random arrival)
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

    private static List<(Subtree Name, float Sum)> Contributions(float[] leaves, List<LeafRange> ranges)
    {
        var contributions = new List<(Subtree, float)>();
        foreach (var range in ranges)
        {
            var worker = new FoldingWorker(leaves.Length);
            worker.Begin([range]);
            while (!worker.IsDone)
                worker.Compute(leaf => leaves[leaf]);
            contributions.AddRange(worker.Contributions);
        }

        return contributions;
    }
}
