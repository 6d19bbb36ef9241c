using Gpt2Cluster.Compute.Kernels;
using Gpt2Cluster.Compute.Kernels.Fused;
using Gpt2Cluster.Compute.Memory;
using Gpt2Cluster.Compute.Model;
using Gpt2Cluster.Compute.Training;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Specification;
using static TorchSharp.torch;

namespace Gpt2Cluster.Compute.Devices;

/// <summary>What the processor's backends have in common: our own kernels over its memory.</summary>
internal abstract class CpuBackend : ComputeBackend
{
    private readonly HostMemory memory;

    /// <summary>Sets up a processor's backend.</summary>
    protected CpuBackend(Precision precision, ScalarType type, HostMemory memory, ThreadTeam team)
        : base(precision, type, memory, team)
    {
        this.memory = memory;
    }

    /// <inheritdoc/>
    public override IMatmul Matmul { get; } = new Matmul();

    /// <summary>A CPU: the fused kernels where processor and shape allow them, else the portable ones.</summary>
    /// <param name="precision">Of the products.</param>
    /// <param name="threads">Intra-op threads.</param>
    /// <param name="multipliesBFloat16">Whether the processor does so in hardware.</param>
    /// <param name="shape">The model's: widths that are multiples of 64, as all published ones are, are fused.</param>
    public static CpuBackend For(Precision precision, int threads, bool multipliesBFloat16, ModelShape shape)
    {
        TorchRuntime.Prepare(threads);
        var fuses = precision == Precision.BFloat16 && multipliesBFloat16
            && Microkernel.IsAvailable && FusedCpuBackend.Takes(shape);
        return fuses
            ? new FusedCpuBackend(threads)
            : new PortableCpuBackend(precision, threads, multipliesBFloat16, shape);
    }

    /// <inheritdoc/>
    public override IOptimizer NewOptimizer(
        ReplicaState state, ParameterLayout trained, OptimizerOptions options, IWorkingParameters working) =>
        new CpuOptimizer(state, ParameterSegment.For(trained), options, working, Team);

    /// <inheritdoc/>
    public override GradientAccumulator NewGradientAccumulator(ParameterLayout trained) =>
        new HostGradientAccumulator(trained, memory, Type, Team);

    /// <inheritdoc/>
    public override void Synchronize()
    {
        // A processor is never behind.
    }

    /// <summary>Rounds elements of an fp32 tensor into a bf16 one.</summary>
    protected static void Round(FlatTensor from, FlatTensor into, long start, int count) =>
        Rounding.ToBFloat16(from.Buffer.Floats(start, count), into.Buffer.BFloat16Bits(start, count));
}
