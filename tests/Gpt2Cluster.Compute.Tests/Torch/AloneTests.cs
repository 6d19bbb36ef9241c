using Gpt2Cluster.Compute.Tests.Support;
using Gpt2Cluster.Compute.Torch;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Reduction;
using Gpt2Cluster.Core.Specification;
using TorchSharp;

namespace Gpt2Cluster.Compute.Tests.Torch;

/// <summary>A worker that has the run to itself needs no host for its gradients.</summary>
public sealed class AloneTests
{
    private const int StepCount = 3;
    private const double LearningRate = 1e-2;
    private const double Clip = 0.5;

    public static TheoryData<Precision, int> Steps => new()
    {
        { Precision.Float32, 1 },
        { Precision.Float32, 3 },
        { Precision.Float32, 8 },
        { Precision.BFloat16, 1 },
        { Precision.BFloat16, 5 },
        { Precision.BFloat16, 8 },
    };

    [Theory]
    [MemberData(nameof(Steps))]
    public void The_bits_are_those_of_a_step_that_was_exchanged(Precision precision, int leafCount)
    {
        using var exchanging = New(precision, out _);
        using var alone = New(precision, out _);
        for (var step = 1; step <= StepCount; step++)
        {
            Replicas.Train(
                exchanging,
                (leaf, sink) => exchanging.ComputeMicroBatch(Batch(step, leaf), sink),
                step, leafCount, LearningRate, Clip);
            TrainAlone(alone, step, leafCount);
        }

        foreach (var part in Enum.GetValues<ReplicaPart>())
            Assert.Equal(Values(exchanging, part), Values(alone, part));
    }

    [Theory]
    [MemberData(nameof(Steps))]
    public void Only_losses_and_the_norm_go_to_the_host(Precision precision, int leafCount)
    {
        using var replica = New(precision, out var counts);
        TrainAlone(replica, 1, leafCount);
        counts.Reset();
        TrainAlone(replica, 2, leafCount);
        Assert.Equal(0, counts.BytesToHost(HostRead.Gradients));
        Assert.Equal(0, counts.BytesToHost(HostRead.State));
        Assert.Equal(leafCount * 2 * 24 * sizeof(float), counts.BytesToHost(HostRead.Losses));
        Assert.Equal(NormBlocks.BlockCount(replica.Layout.Length) * sizeof(double), counts.BytesToHost(HostRead.Norm));
        // Per micro-batch tokens go up and losses come down; then the norm.
        Assert.Equal((2 * leafCount) + 1, counts.HostWaits);
    }

    [Theory]
    [InlineData(Precision.Float32)]
    [InlineData(Precision.BFloat16)]
    public void A_step_begun_alone_is_contributed_when_others_come(Precision precision)
    {
        const int LeafCount = 4;
        using var replica = New(precision, out _);
        using var exchanging = New(precision, out _);
        var (before, after) = (new CollectingSink(replica.Layout.Length), new CollectingSink(replica.Layout.Length));
        foreach (var other in new[] { exchanging, replica })
            other.BeginStep(1, [new LeafRange(0, LeafCount)], LeafCount);
        for (var leaf = 0; leaf < LeafCount; leaf++)
        {
            exchanging.ComputeMicroBatch(Batch(1, leaf), before);
            replica.ComputeMicroBatch(Batch(1, leaf), NoContributions.Sink);
        }

        replica.ExtendStep([new LeafRange(0, LeafCount)], after);
        var tree = new ReductionTree(LeafCount);
        Assert.Equal(before.Average(tree), after.Average(tree));
    }

    [Fact]
    public void What_is_not_folded_into_one_sum_is_not_averaged()
    {
        using var replica = New(Precision.Float32, out _);
        replica.BeginStep(1, [new LeafRange(0, 2)], 2);
        replica.ComputeMicroBatch(Batch(1, 0), NoContributions.Sink);
        Assert.Throws<InvalidOperationException>(replica.AverageAlone);
        Assert.Throws<InvalidOperationException>(() => replica.GradientNorm(null));
        using var processor = Replicas.Create(Replicas.Tiny);
        Assert.False(processor.AveragesAlone);
    }

    private static void TrainAlone(Replica replica, long step, int leafCount)
    {
        Assert.True(replica.AveragesAlone);
        replica.BeginStep(step, [new LeafRange(0, leafCount)], leafCount);
        for (var leaf = 0; leaf < leafCount; leaf++)
            replica.ComputeMicroBatch(Batch(step, leaf), NoContributions.Sink);
        replica.AverageAlone();
        var norm = replica.GradientNorm(null);
        replica.Apply(null, step, LearningRate, Math.Min(1, Clip / (norm + 1e-6)));
    }

    private static MicroBatch Batch(long step, int leaf) => Replicas.RandomBatch(Replicas.TinyShape, step, leaf);

    private static float[] Values(Replica replica, ReplicaPart part)
    {
        var values = new float[replica.Layout.Length];
        replica.Read(part, 0, values);
        return values;
    }

    private static Replica New(Precision precision, out OperatorCounts counts)
    {
        var backend = new TorchBackend(precision, 1, torch.CPU);
        var replica = new Replica(Replicas.Tiny with { Precision = precision }, backend);
        replica.Initialize(5);
        counts = backend.Operators.Counts;
        return replica;
    }
}
