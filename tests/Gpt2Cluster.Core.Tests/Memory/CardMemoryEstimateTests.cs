using Gpt2Cluster.Core.Memory;
using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Core.Tests.Memory;

public sealed class CardMemoryEstimateTests
{
    // What libtorch held at its peak, as tests/benchmarks/card_memory.py counted it, without checkpoints, when the
    // processor that stood in for a card took an update's roots in pieces: in fp64 they take what a card does not.
    [Theory]
    [InlineData("gpt2", "all", 1, 64, 3_650_000_000)]
    [InlineData("gpt2", "all", 4, 512, 4_450_000_000)]
    [InlineData("gpt2", "lora:8", 4, 512, 1_940_000_000)]
    public void An_estimate_is_near_what_was_counted(string preset, string scope, int batch, int length, long counted)
    {
        const double tolerance = 0.15; // As the estimate of a processor's memory is held to.
        var estimate = CardMemoryEstimate.Of(Demand(preset, scope, batch, length) with
        {
            MicroBatchCount = 1,
            SiloCount = 0,
            WritesCheckpoints = false,
        });
        Assert.InRange(estimate.TensorBytes, counted * (1 - tolerance), counted * (1 + tolerance));
        Assert.Equal(CardMemoryEstimate.ContextBytes, estimate.DeviceBytes - estimate.TensorBytes);
    }

    [Fact]
    public void What_takes_less_is_estimated_less()
    {
        var whole = CardMemoryEstimate.Of(Demand("gpt2", "all", 16, 1024)).DeviceBytes;
        foreach (var less in (MemoryDemand[])
        [
            Demand("gpt2", "all", 15, 1024),
            Demand("gpt2", "all", 16, 1024) with { Recompute = true },
            Demand("gpt2", "lora:8", 16, 1024),
            Demand("gpt2", "all", 16, 1024) with { WritesCheckpoints = false },
        ])
        {
            Assert.InRange(CardMemoryEstimate.Of(less).DeviceBytes, 1, whole - 1);
        }

        var dropout = Demand("tiny", "all", 16, 128) with { HasDropout = true };
        Assert.True(CardMemoryEstimate.Of(dropout).PassBytes
            >= CardMemoryEstimate.Of(dropout with { HasDropout = false }).PassBytes);
    }

    [Fact]
    public void Beside_a_card_there_are_no_state_and_no_activations()
    {
        var demand = Demand("gpt2-xl", "all", 4, 1024);
        var beside = MemoryEstimate.BesideCard(demand);
        Assert.Equal(0, beside.StateBytes + beside.ActivationBytes + beside.LogitBytes + beside.SnapshotBytes);
        Assert.True(beside.TotalBytes < MemoryEstimate.Of(demand).TotalBytes / 2);
        var alone = MemoryEstimate.BesideCard(demand with { SiloCount = 0 });
        Assert.Equal(MemoryEstimate.ProgramBytes, alone.TotalBytes);
    }

    private static MemoryDemand Demand(string preset, string scope, int batch, int length) =>
        MemoryEstimate.DemandOf(
            Presets.Find(preset)!.Shape,
            new TrainingDefaults { BatchSize = batch },
            length,
            TrainingScope.Parse(scope)!.Value,
            Precision.BFloat16);
}
