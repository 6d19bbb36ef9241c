using Gpt2Cluster.Compute.Tests.Support;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Reduction;
using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Compute.Tests;

/// <summary>
/// A micro-batch of more rows than the vocabulary's loss holds at a time, through a whole replica: loss and gradient
/// are those of one chunk.
/// </summary>
public sealed class VocabularyChunkTests
{
    // More than three chunks of the portable loss, 256 rows each, and than one of the fused loss, 1,024 rows.
    private const int Length = 130;
    private const int Windows = 9;

    // fp32 rounding in another order of summation.
    private const double LossTolerance = 2e-6;
    private const double Tolerance = 1e-5;

    // bf16 against fp32, as in RouteTwinTests.
    private const double NarrowLossTolerance = 0.02;
    private const double NarrowTolerance = 0.03;

    // Both in bf16: on either side a product and the sum it goes into are rounded, each by 2^-9 at most.
    private const double ChunkTolerance = 4.0 / 512;

    private static readonly ReplicaOptions Wide = new()
    {
        Shape = new ModelShape(331, Length, 64, 2, 2),
        Precision = Precision.Float32,
        Threads = 2,
        Seed = 7,
    };

    [Theory]
    [MemberData(nameof(SameBitsTests.Computations), MemberType = typeof(SameBitsTests))]
    public void Several_chunks_give_the_loss_and_gradient_of_one(Precision precision, Route route)
    {
        using var whole = Replicas.Create(Wide, Route.Tensors);
        using var split = route == Route.Tensors
            ? Replicas.InChunks(Wide with { Precision = precision }, chunkRows: 256)
            : Replicas.Create(Wide with { Precision = precision }, route);
        if (precision == Precision.Float32)
            AssertClose(whole, split, LossTolerance, Tolerance);
        else
            AssertClose(whole, split, NarrowLossTolerance, NarrowTolerance, without: SummedNarrowly(route));
    }

    [Theory]
    [InlineData(Precision.Float32, 1, Tolerance)]
    [InlineData(Precision.Float32, 500, Tolerance)]
    [InlineData(Precision.BFloat16, 77, ChunkTolerance)]
    [InlineData(Precision.BFloat16, 1169, ChunkTolerance)]
    public void By_tensors_chunks_of_any_size_give_the_same(Precision precision, int chunkRows, double tolerance)
    {
        using var whole = Replicas.Create(Wide with { Precision = precision }, Route.Tensors);
        using var split = Replicas.InChunks(Wide with { Precision = precision }, chunkRows);
        AssertClose(whole, split, LossTolerance, tolerance);
    }

    /// <summary>
    /// libtorch sums the gradients of a layer norm in bf16 on a processor, over 1,170 rows here, and in fp32 on a card.
    /// </summary>
    private static string? SummedNarrowly(Route route) => route == Route.Tensors ? "ln_" : null;

    private static void AssertClose(
        Compute.Replica whole, Compute.Replica split, double lossTolerance, double tolerance, string? without = null)
    {
        var (expectedLoss, expected) = Gradient(whole);
        var (loss, found) = Gradient(split);
        Assert.Equal(expectedLoss, loss, lossTolerance);
        foreach (var slice in whole.Layout.Slices)
        {
            var range = (int)slice.Start..(int)slice.End;
            var norm = Math.Sqrt(expected[range].Sum(value => (double)value * value));
            var squares = expected[range].Zip(found[range]).Sum(pair => Math.Pow(pair.First - pair.Second, 2));
            if (without is not null && slice.Name.Contains(without, StringComparison.Ordinal))
                continue;
            Assert.True(Math.Sqrt(squares) <= tolerance * norm, $"{slice.Name}: {Math.Sqrt(squares) / norm:E2}");
        }
    }

    private static (double Loss, float[] Gradient) Gradient(Compute.Replica replica)
    {
        replica.Initialize(Wide.Seed);
        var sink = new CollectingSink(replica.Layout.Length);
        replica.BeginStep(1, [new LeafRange(0, 1)], 1);
        var loss = replica.ComputeMicroBatch(Replicas.RandomBatch(Wide.Shape, 1, 0, Windows, Length), sink);
        return (loss, sink.Average(new ReductionTree(1)));
    }
}
