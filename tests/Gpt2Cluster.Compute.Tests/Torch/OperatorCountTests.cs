using Gpt2Cluster.Compute.Tests.Support;
using Gpt2Cluster.Compute.Torch;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Reduction;
using Gpt2Cluster.Core.Specification;
using TorchSharp;

namespace Gpt2Cluster.Compute.Tests.Torch;

/// <summary>
/// What a micro-batch of GPT-2's 12 layers with 16 x 1,024 rows and a step cost in operators, waits and bytes. The
/// numbers depend on layers and rows, not on widths, so narrow layers and a small vocabulary stand for the real ones.
/// </summary>
public sealed class OperatorCountTests
{
    /// <summary>
    /// Arithmetic and copies of such a micro-batch before each had an operator of its own (commit 135e6bb, dropout off,
    /// bf16), counted where TorchSharp calls libtorch by <c>tests/benchmarks/native_calls.py</c>, which counts 462 of
    /// today's; 49 backward passes of libtorch's own are one each among them.
    /// </summary>
    private const int OperatorsBefore = 1568;

    private const double WantedShare = 0.4;
    private const int MostHostWaits = 2;
    private const int MostOperatorsOfStep = 40;

    private static readonly ModelShape Shape = new(97, 1024, 16, 2, 12);

    [Fact]
    public void A_micro_batch_that_completes_nothing_costs_few_operators_and_two_waits()
    {
        var backend = new TorchBackend(Precision.BFloat16, 2, torch.CPU);
        using var replica = New(backend);
        replica.BeginStep(1, [new LeafRange(0, 2)], 2);
        var sink = new CollectingSink(replica.Layout.Length);
        var counts = backend.Operators.Counts;
        counts.Reset();
        replica.ComputeMicroBatch(Replicas.RandomBatch(Shape, 1, 0, windows: 16, length: 1024), sink);
        Assert.Empty(sink.Ranges);
        Assert.InRange(counts.Operators, 1, (int)(WantedShare * OperatorsBefore));
        Assert.InRange(counts.HostWaits, 1, MostHostWaits);
        Assert.Equal(0, counts.BytesToHost(HostRead.Gradients));
        Assert.Equal(16 * 1024 * sizeof(float), counts.BytesToHost(HostRead.Losses));
        TestContext.Current.TestOutputHelper?.WriteLine($"{counts.Operators} operators, {OperatorsBefore} before");
    }

    [Fact]
    public void Norm_and_update_of_a_step_cost_few_operators()
    {
        var backend = new TorchBackend(Precision.BFloat16, 1, torch.CPU);
        using var replica = New(backend);
        using var averages = Replicas.ToBuffer(new float[replica.Layout.Length]);
        var counts = backend.Operators.Counts;
        counts.Reset();
        replica.GradientNorm(averages);
        replica.Apply(averages, 1, 1e-3, 1);
        Assert.InRange(counts.Operators, 1, MostOperatorsOfStep);
        TestContext.Current.TestOutputHelper?.WriteLine($"{counts.Operators} operators a step");
    }

    [Fact]
    public void A_gradient_goes_to_the_host_once_when_its_sum_is_complete()
    {
        var backend = new TorchBackend(Precision.BFloat16, 1, torch.CPU);
        using var replica = New(backend);
        replica.BeginStep(1, [new LeafRange(0, 4)], 4);
        var sink = new CollectingSink(replica.Layout.Length);
        for (var leaf = 0; leaf < 4; leaf++)
        {
            Assert.Equal(0, backend.Operators.Counts.BytesToHost(HostRead.Gradients));
            replica.ComputeMicroBatch(Replicas.RandomBatch(Shape, 1, leaf), sink);
        }

        Assert.Equal(
            replica.Layout.Length * sizeof(float), backend.Operators.Counts.BytesToHost(HostRead.Gradients));
    }

    /// <summary>A replica, which takes the backend over.</summary>
    private static Replica New(TorchBackend backend)
    {
        var options = new ReplicaOptions { Shape = Shape, Precision = backend.Precision, Seed = 5 };
        var replica = new Replica(options, backend);
        replica.Initialize(5);
        backend.Operators.Counts.Reset();
        return replica;
    }
}
