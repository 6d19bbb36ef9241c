using Gpt2Cluster.Compute.Tests.Support;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Reduction;
using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Compute.Tests;

/// <summary>
/// Our own kernels against the same model made of whole-tensor operations, with everything turned on.
/// </summary>
public sealed class RouteTwinTests
{
    // fp32 rounding in another order of summation.
    private const double GradientTolerance = 2e-6;
    private const double LossTolerance = 1e-5;

    // bf16 against fp32: parameters and activations keep eight bits, and a gradient's error adds up over the layers.
    private const double NarrowLossTolerance = 0.02;
    private const double NarrowGradientTolerance = 0.03;

    /// <summary>Widths that are and are not a multiple of eight, and a vocabulary that fills no vector.</summary>
    public static TheoryData<int, int> Shapes => new() { { 32, 2 }, { 20, 2 }, { 6, 3 }, { 2, 2 } };

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Losses_gradients_and_updates_agree(int width, int headCount)
    {
        var options = Replicas.Tiny with
        {
            Shape = new ModelShape(97, 24, width, headCount, 2),
            Dropout = 0.2,
            Noise = 0.1,
            Optimizer = new OptimizerOptions(OptimizerKind.Sgd, WeightDecay: 0.1),
            Threads = 2,
        };
        using var own = Replicas.Create(options);
        using var twin = Replicas.Create(options, Route.Tensors);
        for (var step = 1; step <= 2; step++)
        {
            var (loss, gradient) = Step(own, step);
            var (twinLoss, twinGradient) = Step(twin, step);
            Assert.Equal(twinLoss, loss, LossTolerance);
            for (var index = 0; index < gradient.Length; index++)
                Assert.Equal(twinGradient[index], gradient[index], GradientTolerance);
        }
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Sums_of_losses_and_texts_agree(int width, int headCount)
    {
        var options = Replicas.Tiny with { Shape = new ModelShape(97, 24, width, headCount, 2), Trains = false };
        using var own = Replicas.Create(options);
        using var twin = Replicas.Create(options, Route.Tensors);
        own.Initialize(3);
        twin.Initialize(3);
        var batch = Replicas.RandomBatch(options.Shape, 1, 0, windows: 3, length: 20);
        int[] firstTargets = [0, 7, 20];
        var (sums, twinSums) = (own.SumLosses(batch, firstTargets), twin.SumLosses(batch, firstTargets));
        Assert.Equal(0, sums[2]);
        for (var window = 0; window < 2; window++)
            Assert.Equal(twinSums[window], sums[window], LossTolerance * 20);
        Assert.Equal(Text(twin), Text(own));
    }

    [Theory]
    [InlineData(64, 2, 24)]
    [InlineData(128, 4, 65)]
    [InlineData(192, 2, 130)]
    public void Fused_kernels_in_bf16_agree_with_fp32(int width, int headCount, int length)
    {
        var options = Replicas.Tiny with
        {
            Shape = new ModelShape(97, length, width, headCount, 2),
            Dropout = 0.1,
            Threads = 2,
        };
        using var fused = Replicas.Create(options with { Precision = Precision.BFloat16 }, Route.CpuFused);
        using var twin = Replicas.Create(options);
        var (loss, gradient) = Step(fused, 1);
        var (twinLoss, twinGradient) = Step(twin, 1);
        Assert.Equal(twinLoss, loss, NarrowLossTolerance);
        foreach (var slice in twin.Layout.Slices)
        {
            var range = (int)slice.Start..(int)slice.End;
            var (expected, found) = (twinGradient[range], gradient[range]);
            var distance = Math.Sqrt(expected.Zip(found).Sum(pair => Math.Pow(pair.First - pair.Second, 2)));
            var norm = Math.Sqrt(expected.Sum(value => Math.Pow(value, 2)));
            Assert.True(distance <= NarrowGradientTolerance * norm, $"{slice.Name}: {distance / norm:P2}");
        }
    }

    private static List<int> Text(Replica replica)
    {
        var text = new List<int>();
        var request = new GenerationRequest { Prompt = [3, 1], Length = 10, Count = 2, TopK = 30, Seed = 6 };
        replica.Generate(request, token => text.Add(token.Token), CancellationToken.None);
        return text;
    }

    private static (double Loss, float[] Gradient) Step(Replica replica, int step)
    {
        if (step == 1)
            replica.Initialize(5);
        var sink = new CollectingSink(replica.Layout.Length);
        replica.BeginStep(step, [new LeafRange(0, 1)], 1);
        var batch = Replicas.RandomBatch(
            replica.Layout.Shape, step, 0, length: replica.Layout.Shape.ContextLength);
        var loss = replica.ComputeMicroBatch(batch, sink);
        var gradient = sink.Average(new ReductionTree(1));
        using var averages = Replicas.ToBuffer(gradient);
        replica.Apply(averages, step, 0.1, 0.5);
        return (loss, gradient);
    }
}
