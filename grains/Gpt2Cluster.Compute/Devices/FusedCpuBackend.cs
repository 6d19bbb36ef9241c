using Gpt2Cluster.Compute.Kernels;
using Gpt2Cluster.Compute.Kernels.Fused;
using Gpt2Cluster.Compute.Memory;
using Gpt2Cluster.Compute.Model;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Specification;
using static TorchSharp.torch;

namespace Gpt2Cluster.Compute.Devices;

/// <summary>
/// bf16 on a processor that multiplies it: layers, attention and loss as kernels of one piece over the microkernel.
/// </summary>
internal sealed class FusedCpuBackend : CpuBackend
{
    /// <summary>Makes it on any CPU: without the microkernel it is very slow, which only tests bear.</summary>
    public FusedCpuBackend(int threads)
        : this(new HostMemory(), new ThreadTeam(threads))
    {
    }

    private FusedCpuBackend(HostMemory memory, ThreadTeam team)
        : base(Precision.BFloat16, ScalarType.BFloat16, memory, team)
    {
        var linear = new FusedLinear(team);
        Linear = linear;
        Kernels = new CpuKernels<BFloat16Element>(
            team,
            (qkv, length, heads, forBackward) =>
                new FusedAttention(team, linear.Scratch, qkv, length, heads, forBackward));
    }

    /// <inheritdoc/>
    public override IKernels Kernels { get; }

    /// <inheritdoc/>
    public override ILinear Linear { get; }

    /// <summary>Whether a model's widths can be tiled.</summary>
    public static bool Takes(ModelShape shape) =>
        FusedLinear.Takes(shape.Width) && FusedAttention.Takes(shape.HeadWidth);

    /// <inheritdoc/>
    public override IHeadLoss NewHeadLoss(ModelShape shape, PhaseClock clock) =>
        new FusedHeadLoss(Team, shape.VocabularySize, clock);

    /// <inheritdoc/>
    public override IWorkingParameters NewWorkingParameters(ModelParameters parameters, FlatTensor master) =>
        WorkingParameters.BFloat16(parameters, master, Round);
}
