using System.Diagnostics;
using Gpt2Cluster.Compute.Tests.Support;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Compute.Tests;

/// <summary>Native memory is given back per micro-batch; the collector does not see it.</summary>
[Collection(nameof(MemoryTests))]
public sealed class MemoryTests
{
    private const int WarmUpSteps = 20;
    private const int Steps = 200;

    // The heap may settle a little; a leak of one activation matrix a step would be far more.
    private const long ResidentToleranceBytes = 32L << 20;

    [Theory]
    [InlineData(Precision.Float32, Route.Cpu, TrainableParameters.All)]
    [InlineData(Precision.BFloat16, Route.CpuFused, TrainableParameters.All)]
    [InlineData(Precision.Float32, Route.Tensors, TrainableParameters.All)]
    [InlineData(Precision.BFloat16, Route.Tensors, TrainableParameters.All)]
    [InlineData(Precision.BFloat16, Route.Tensors, TrainableParameters.Lora)]
    public void Two_hundred_steps_keep_live_tensors_and_resident_memory_where_they_are(
        Precision precision, Route route, TrainableParameters trained)
    {
        var options = Replicas.For(route) with
        {
            Precision = precision,
            Dropout = 0.1,
            Trainable = trained,
            Lora = trained == TrainableParameters.Lora ? new LoraOptions { Rank = 4, Alpha = 8 } : null,
        };
        using var replica = Replicas.Create(options, route);
        replica.Initialize(1);
        Train(replica, 1, WarmUpSteps);
        var (tensors, resident) = (TorchSharp.torch.Tensor.TotalCount, Resident());
        Train(replica, WarmUpSteps + 1, Steps);
        // Other tests run beside this one, so what is counted is that nothing grows by the step.
        Assert.InRange(TorchSharp.torch.Tensor.TotalCount - tensors, long.MinValue, Steps - 1);
        Assert.InRange(Resident() - resident, long.MinValue, ResidentToleranceBytes);
    }

    private static void Train(Replica replica, int first, int last)
    {
        for (var step = first; step <= last; step++)
        {
            Replicas.Train(replica, (leaf, sink) => Compute(replica, step, leaf, sink), step, 2, 1e-3);
            replica.SumLosses(Replicas.RandomBatch(Replicas.TinyShape, step, 0), [0, 3]);
        }
    }

    private static double Compute(Replica replica, long step, int leaf, IContributionSink sink) =>
        replica.ComputeMicroBatch(Replicas.RandomBatch(Replicas.TinyShape, step, leaf), sink);

    private static long Resident()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        using var process = Process.GetCurrentProcess();
        return process.WorkingSet64;
    }
}

/// <summary>Memory is measured alone.</summary>
[CollectionDefinition(nameof(MemoryTests), DisableParallelization = true)]
public sealed class MemoryCollection;
