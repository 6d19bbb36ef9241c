using Gpt2Cluster.Core.Memory;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Reduction;

namespace Gpt2Cluster.Compute.Tests.Support;

/// <summary>
/// Copies every contributed range at once, and sees that each element of a subtree comes exactly once.
/// </summary>
internal sealed class CollectingSink(long length) : IContributionSink
{
    private readonly Dictionary<Subtree, FlatBuffer> buffers = [];

    public Dictionary<Subtree, float[]> Sums { get; } = [];

    public List<(long Start, long End)> Ranges { get; } = [];

    public void Contribute(Subtree subtree, FlatBuffer sums, long start, long end)
    {
        Ranges.Add((start, end));
        buffers[subtree] = sums;
        if (!Sums.TryGetValue(subtree, out var all))
        {
            all = new float[length];
            Array.Fill(all, float.NaN);
            Sums.Add(subtree, all);
        }

        for (var index = start; index < end; index++)
        {
            Assert.True(float.IsNaN(all[index]), $"element {index} of {subtree} came twice");
            all[index] = Element(sums, index);
        }
    }

    /// <summary>Every buffer still holds what was read from it: whoever reads it later gets the same.</summary>
    public void AssertUnchanged()
    {
        foreach (var (subtree, sum) in Sums)
        {
            for (var index = 0L; index < length; index++)
            {
                if (!sum[index].Equals(Element(buffers[subtree], index)))
                    Assert.Fail($"element {index} of {subtree} was written after it was handed over");
            }
        }
    }

    private static float Element(FlatBuffer sums, long index) => sums.ElementType == ElementType.Float32
        ? sums.Floats(index, 1)[0]
        : BitConverter.UInt32BitsToSingle((uint)sums.BFloat16Bits(index, 1)[0] << 16);

    /// <summary>The sum of all M leaves as the reducers would make it, divided by M.</summary>
    public float[] Average(ReductionTree tree)
    {
        var total = Sum(tree, tree.Root);
        VectorSum.Divide(total, tree.LeafCount);
        return total;
    }

    private float[] Sum(ReductionTree tree, Subtree node)
    {
        if (Sums.TryGetValue(node, out var there))
        {
            Assert.DoesNotContain(there, float.IsNaN);
            return (float[])there.Clone();
        }

        var (left, right) = tree.Children(node) ?? throw new InvalidOperationException($"leaf {node} is missing");
        var sum = Sum(tree, left);
        VectorSum.Add(sum, Sum(tree, right), sum);
        return sum;
    }
}
