using Gpt2Cluster.Compute.Tests.Support;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Randomness;
using Gpt2Cluster.Core.Reduction;
using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Compute.Tests;

/// <summary>
/// A token that occurs often has its gradient summed in fp32: in bf16 a sum stops growing at 256 times its addend.
/// </summary>
public sealed class TokenGradientTests
{
    private const int Length = 1024;
    private const int Windows = 2;
    private const ushort Frequent = 7;

    // Activations and their gradients are rounded to bf16, hundreds of independent roundings of half a percent at most.
    private const double Tolerance = 0.01;

    private static readonly ModelShape Shape = new(600, Length, 64, 2, 1);

    [Theory]
    [InlineData(Route.Cpu)]
    [InlineData(Route.CpuWithFastBFloat16)]
    [InlineData(Route.CpuFused)]
    [InlineData(Route.Tensors)]
    public void A_token_that_is_every_fourth_learns_as_in_fp32(Route route)
    {
        var expected = Row(Precision.Float32, Route.Cpu);
        var found = Row(Precision.BFloat16, route);
        var norm = Math.Sqrt(expected.Sum(value => (double)value * value));
        var distance = Math.Sqrt(expected.Zip(found).Sum(pair => Math.Pow(pair.First - pair.Second, 2)));
        Assert.True(distance <= Tolerance * norm, $"{distance / norm:P2} off");
    }

    private static float[] Row(Precision precision, Route route)
    {
        using var replica = Replicas.Create(
            new ReplicaOptions { Shape = Shape, Precision = precision, Threads = 2 }, route);
        replica.Initialize(5);
        var stream = new RandomStream(3, RandomPurpose.Synthetic);
        var tokens = Enumerable.Range(0, Windows * (Length + 1)).Select(position =>
            position % 4 == 0
                ? Frequent : (ushort)stream.Below(position, Shape.VocabularySize)).ToArray();
        var sink = new CollectingSink(replica.Layout.Length);
        replica.BeginStep(1, [new LeafRange(0, 1)], 1);
        replica.ComputeMicroBatch(new MicroBatch(1, 0, tokens, Windows, Length), sink);
        var start = (int)replica.Layout["wte.weight"].Start + (Frequent * Shape.Width);
        return sink.Average(new ReductionTree(1))[start..(start + Shape.Width)];
    }
}
