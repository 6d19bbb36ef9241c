using Gpt2Cluster.Compute.Tests.Support;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Reduction;
using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Compute.Tests;

/// <summary>Parity with PyTorch is the definition of right.</summary>
public sealed class GoldenNumericsTests
{
    // fp32 rounding in another order of summation; the same bounds PyTorch's own versions keep among each other.
    private const double LogitTolerance = 2e-5;
    private const double LossTolerance = 2e-6;
    private const double GradientTolerance = 1e-5;
    private const double RunLossTolerance = 2e-5;
    private const double FinalWeightTolerance = 1e-4;

    // bf16 keeps 8 bits: losses of about 6 nats agree to two digits behind the point.
    private const double BFloat16LossTolerance = 0.02;

    // As in RouteTwinTests: a gradient's error adds up over the layers.
    private const double BFloat16GradientTolerance = 0.03;

    public static TheoryData<Route> Routes => [Route.Cpu, Route.Tensors];

    [Theory]
    [MemberData(nameof(Routes))]
    public void Loss_and_every_gradient_agree(Route route)
    {
        using var replica = Replicas.Golden(route: route);
        var loss = AssertGradients(replica, GradientTolerance);
        Assert.Equal(Golden.Floats(Golden.Expected, "loss")[0], loss, LossTolerance);
    }

    private static double AssertGradients(Replica replica, double tolerance)
    {
        var sink = new CollectingSink(replica.Layout.Length);
        replica.BeginStep(1, [new LeafRange(0, 1)], 1);
        var loss = Replicas.ComputeGolden(replica, 1, 0, sink);
        var gradient = sink.Average(new ReductionTree(1));
        foreach (var slice in replica.Layout.Slices)
        {
            var expected = Golden.Floats(Golden.Expected, "grad." + slice.Name);
            var actual = gradient.AsSpan((int)slice.Start, (int)slice.Length);
            var distance = 0.0;
            for (var i = 0; i < expected.Length; i++)
                distance += Math.Pow(expected[i] - actual[i], 2);
            var norm = Math.Sqrt(expected.Sum(value => (double)value * value));
            var relative = Math.Sqrt(distance) / norm;
            Assert.True(relative <= tolerance, $"{slice.Name}: {relative:E2}");
        }

        return loss;
    }

    [Fact]
    public void Logits_of_the_whole_batch_agree()
    {
        using var replica = Replicas.Golden();
        var actual = Replicas.GoldenLogits(replica);
        var expected = Golden.Floats(Golden.Expected, "logits");
        for (var i = 0; i < expected.Length; i++)
            Assert.Equal(expected[i], actual[i], LogitTolerance);
    }

    [Theory]
    [InlineData("plain", Route.Cpu)]
    [InlineData("plain", Route.Tensors)]
    [InlineData("clipped", Route.Cpu)]
    [InlineData("clipped", Route.Tensors)]
    public void Ten_steps_agree(string name, Route route)
    {
        var run = Golden.Runs.GetProperty("runs").GetProperty(name);
        double Value(string key) => run.GetProperty(key).GetDouble();
        var options = new ReplicaOptions
        {
            Shape = Golden.Shape,
            Precision = Precision.Float32,
            Optimizer = new OptimizerOptions(
                OptimizerKind.AdamW, Value("beta1"), Value("beta2"), Value("epsilon"), Value("weight_decay")),
        };
        using var replica = Replicas.Golden(options, route);
        var expected = run.GetProperty("losses").EnumerateArray().Select(loss => loss.GetDouble()).ToArray();
        for (var step = 1; step <= expected.Length; step++)
        {
            var loss = Train(replica, step, Value("learning_rate"), Value("clip_norm"))[0];
            Assert.Equal(expected[step - 1], loss, RunLossTolerance);
        }

        if (name == "clipped")
            AssertFinalWeights(replica);
    }

    [Theory]
    [InlineData(Route.Cpu)]
    [InlineData(Route.CpuWithFastBFloat16)]
    [InlineData(Route.Tensors)]
    public void In_bf16_every_gradient_agrees_to_two_digits(Route route)
    {
        var options = new ReplicaOptions { Shape = Golden.Shape, Precision = Precision.BFloat16 };
        using var replica = Replicas.Golden(options, route);
        AssertGradients(replica, BFloat16GradientTolerance);
    }

    [Theory]
    [InlineData(Route.Cpu)]
    [InlineData(Route.CpuWithFastBFloat16)]
    [InlineData(Route.Tensors)]
    public void The_loss_in_bf16_agrees_to_two_digits(Route route)
    {
        var options = new ReplicaOptions { Shape = Golden.Shape, Precision = Precision.BFloat16 };
        using var replica = Replicas.Golden(options, route);
        var expected = Golden.Runs.GetProperty("runs").GetProperty("plain").GetProperty("losses");
        for (var step = 1; step <= 10; step++)
        {
            var loss = Train(replica, step, 1e-3)[0];
            Assert.Equal(expected[step - 1].GetDouble(), loss, BFloat16LossTolerance);
        }
    }

    [Theory]
    [MemberData(nameof(Routes))]
    public void The_greedy_continuation_is_equal(Route route)
    {
        using var replica = Replicas.Golden(route: route);
        var greedy = Golden.Runs.GetProperty("greedy");
        int[] Tokens(string key) => [.. greedy.GetProperty(key).EnumerateArray().Select(token => token.GetInt32())];
        var expected = Tokens("continuation");
        var produced = new List<int>();
        replica.Generate(
            new GenerationRequest { Prompt = Tokens("prompt"), Length = expected.Length, Temperature = 0 },
            token => produced.Add(token.Token),
            CancellationToken.None);
        Assert.Equal(expected, produced);
    }

    private static double[] Train(Replica replica, long step, double learningRate, double clip = 0) => Replicas.Train(
        replica, (leaf, sink) => Replicas.ComputeGolden(replica, step, leaf, sink), step, 1, learningRate, clip);

    private static void AssertFinalWeights(Replica replica)
    {
        var weights = Replicas.Parameters(replica);
        foreach (var slice in replica.Layout.Slices)
        {
            var expected = Golden.Floats(Golden.Expected, "final." + slice.Name);
            for (var i = 0; i < expected.Length; i++)
                Assert.Equal(expected[i], weights[slice.Start + i], FinalWeightTolerance);
        }
    }
}
