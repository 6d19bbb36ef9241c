using System.Text.Json;
using Gpt2Cluster.Compute.Tests.Support;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Reduction;
using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Compute.Tests;

/// <summary>Adapters against PyTorch's numbers, from an adapter in PEFT's layout.</summary>
public sealed class LoraGoldenTests
{
    // fp32 rounding in another order of summation.
    private const double LogitTolerance = 2e-5;
    private const double GradientTolerance = 1e-5;
    private const double RunLossTolerance = 2e-5;
    private const double FinalWeightTolerance = 1e-4;
    private const double MergedWeightTolerance = 1e-6;

    // bf16 keeps 8 bits: losses of about 6 nats agree to two digits behind the point.
    private const double BFloat16LossTolerance = 0.02;

    private static readonly Dictionary<string, byte[]> Expected = Golden.Read("lora/expected.safetensors");
    private static readonly Dictionary<string, byte[]> Adapter = Golden.Read("lora/adapter_model.safetensors");
    private static readonly JsonElement Numbers =
        JsonDocument.Parse(File.ReadAllText(Golden.PathOf("lora/expected.json"))).RootElement;

    public static TheoryData<Route> Routes => [Route.Cpu, Route.Tensors];

    [Fact]
    public void Logits_agree()
    {
        using var replica = Create(Route.Cpu);
        var expected = Golden.Floats(Expected, "logits");
        var actual = Replicas.GoldenLogits(replica);
        for (var i = 0; i < expected.Length; i++)
            Assert.Equal(expected[i], actual[i], LogitTolerance);
    }

    [Theory]
    [MemberData(nameof(Routes))]
    public void Every_gradient_agrees(Route route)
    {
        using var replica = Create(route);
        var sink = new CollectingSink(replica.Layout.Length);
        replica.BeginStep(1, [new LeafRange(0, 1)], 1);
        Replicas.ComputeGolden(replica, 1, 0, sink);
        var gradient = sink.Average(new ReductionTree(1));
        Assert.Equal(16, replica.Layout.Slices.Count);
        foreach (var slice in replica.Layout.Slices)
        {
            var expected = Golden.Floats(Expected, "grad." + Short(slice));
            var actual = gradient.AsSpan((int)slice.Start, (int)slice.Length);
            var distance = 0.0;
            for (var i = 0; i < expected.Length; i++)
                distance += Math.Pow(expected[i] - actual[i], 2);
            var norm = Math.Sqrt(expected.Sum(value => (double)value * value));
            var relative = Math.Sqrt(distance) / norm;
            Assert.True(relative <= GradientTolerance, $"{slice.Name}: {relative:E2}");
        }
    }

    [Theory]
    [MemberData(nameof(Routes))]
    public void Ten_steps_agree_and_the_base_stays_what_it_was(Route route)
    {
        using var replica = Create(route);
        var frozen = replica.FrozenHash;
        var run = Numbers.GetProperty("run");
        var losses = run.GetProperty("losses").EnumerateArray().Select(loss => loss.GetDouble()).ToArray();
        for (var step = 1; step <= losses.Length; step++)
        {
            var loss = Replicas.Train(
                replica,
                (leaf, sink) => Replicas.ComputeGolden(replica, step, leaf, sink),
                step,
                1,
                run.GetProperty("learning_rate").GetDouble())[0];
            Assert.Equal(losses[step - 1], loss, RunLossTolerance);
        }

        var weights = Replicas.Parameters(replica);
        foreach (var slice in replica.Layout.Slices)
        {
            var expected = Golden.Floats(Expected, "final." + Short(slice));
            for (var i = 0; i < expected.Length; i++)
                Assert.Equal(expected[i], weights[slice.Start + i], FinalWeightTolerance);
        }

        Assert.NotNull(frozen);
        Assert.Equal(frozen, replica.FrozenHash);
    }

    [Theory]
    [InlineData(Route.Cpu)]
    [InlineData(Route.CpuWithFastBFloat16)]
    [InlineData(Route.Tensors)]
    public void The_loss_in_bf16_agrees_to_two_digits(Route route)
    {
        using var replica = Create(route, Precision.BFloat16);
        var run = Numbers.GetProperty("run");
        var losses = run.GetProperty("losses").EnumerateArray().Select(loss => loss.GetDouble()).ToArray();
        var rate = run.GetProperty("learning_rate").GetDouble();
        for (var step = 1; step <= losses.Length; step++)
        {
            var loss = Replicas.Train(
                replica, (leaf, sink) => Replicas.ComputeGolden(replica, step, leaf, sink), step, 1, rate)[0];
            Assert.Equal(losses[step - 1], loss, BFloat16LossTolerance);
        }
    }

    [Fact]
    public void Merged_weights_agree()
    {
        var parameters = new ModelParameters(Golden.Shape, TrainableParameters.Lora, Options);
        foreach (var name in Expected.Keys.Where(key => key.StartsWith("merged.", StringComparison.Ordinal)))
        {
            var slice = parameters.Base[name["merged.".Length..]];
            var merged = Golden.Weights(slice.Name);
            var layer = slice.Name[..^".weight".Length];
            var (a, b) = (Factor(layer, "A"), Factor(layer, "B"));
            // In two ranges that cut a row, as files are written in pieces.
            AdapterMerge.Add(merged.AsSpan(0, 37), 0, slice.Dimensions[1], a, b, Options.Scale);
            AdapterMerge.Add(merged.AsSpan(37), 37, slice.Dimensions[1], a, b, Options.Scale);
            var expected = Golden.Floats(Expected, name);
            for (var i = 0; i < expected.Length; i++)
                Assert.Equal(expected[i], merged[i], MergedWeightTolerance);
        }
    }

    [Theory]
    [MemberData(nameof(Routes))]
    public void The_greedy_continuation_is_equal(Route route)
    {
        using var replica = Create(route);
        var greedy = Numbers.GetProperty("greedy");
        int[] Tokens(string key) => [.. greedy.GetProperty(key).EnumerateArray().Select(token => token.GetInt32())];
        var produced = new List<int>();
        replica.Generate(
            new GenerationRequest
            {
                Prompt = Tokens("prompt"),
                Length = Tokens("continuation").Length,
                Temperature = 0,
            },
            token => produced.Add(token.Token),
            CancellationToken.None);
        Assert.Equal(Tokens("continuation"), produced);
    }

    private static LoraOptions Options => new()
    {
        Rank = Numbers.GetProperty("r").GetInt32(),
        Alpha = Numbers.GetProperty("alpha").GetDouble(),
    };

    private static Compute.Replica Create(Route route, Precision precision = Precision.Float32)
    {
        var run = Numbers.GetProperty("run");
        double Value(string key) => run.GetProperty(key).GetDouble();
        var replica = Replicas.Golden(
            new ReplicaOptions
            {
                Shape = Golden.Shape,
                Precision = precision,
                Trainable = TrainableParameters.Lora,
                Lora = Options,
                Optimizer = new OptimizerOptions(
                    OptimizerKind.AdamW, Value("beta1"), Value("beta2"), Value("epsilon"), Value("weight_decay")),
            },
            route);
        foreach (var slice in replica.Layout.Slices)
        {
            replica.Write(
                ReplicaPart.Parameters,
                slice.Start,
                Golden.Floats(Adapter, "base_model.model.transformer." + slice.Name));
        }

        replica.Loaded(0);
        return replica;
    }

    private static float[] Factor(string layer, string factor) =>
        Golden.Floats(Adapter, $"base_model.model.transformer.{layer}.lora_{factor}.weight");

    private static string Short(ParameterSlice slice) => slice.Name[..^".weight".Length];
}
