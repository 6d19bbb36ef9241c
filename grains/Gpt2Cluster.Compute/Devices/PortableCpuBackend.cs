using Gpt2Cluster.Compute.Kernels;
using Gpt2Cluster.Compute.Memory;
using Gpt2Cluster.Compute.Model;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Specification;
using static TorchSharp.torch;

namespace Gpt2Cluster.Compute.Devices;

/// <summary>
/// Any processor, any shape: libtorch's products with our own kernels of 256-bit vectors between them. bf16 is held as
/// bf16 only where the processor multiplies it; elsewhere parameters are rounded to it and multiplied in fp32.
/// </summary>
internal sealed class PortableCpuBackend : CpuBackend
{
    private readonly ICrossEntropy crossEntropy;

    /// <summary>Makes it; libtorch must have been prepared.</summary>
    public PortableCpuBackend(Precision precision, int threads, bool multipliesBFloat16, ModelShape shape)
        : this(precision, precision == Precision.BFloat16 && multipliesBFloat16, shape, new ThreadTeam(threads))
    {
    }

    private PortableCpuBackend(Precision precision, bool isBFloat16, ModelShape shape, ThreadTeam team)
        : base(precision, isBFloat16 ? ScalarType.BFloat16 : ScalarType.Float32, new HostMemory(), team)
    {
        (Kernels, crossEntropy) = (isBFloat16, shape.Width % 8 == 0) switch
        {
            (true, true) => Both(new CpuKernels<BFloat16Element>(team)),
            (true, false) => Both(new CpuKernels<AnyLength<BFloat16Element>>(team)),
            (false, true) => Both(new CpuKernels<Float32Element>(team)),
            (false, false) => Both(new CpuKernels<AnyLength<Float32Element>>(team)),
        };
        Linear = new TorchLinear(Matmul, Kernels);
    }

    /// <inheritdoc/>
    public override IKernels Kernels { get; }

    /// <inheritdoc/>
    public override ILinear Linear { get; }

    /// <inheritdoc/>
    public override IHeadLoss NewHeadLoss(ModelShape shape, PhaseClock clock) =>
        new ChunkedHeadLoss(Matmul, crossEntropy, shape, clock);

    /// <inheritdoc/>
    public override IWorkingParameters NewWorkingParameters(ModelParameters parameters, FlatTensor master) =>
        (Precision, Type) switch
        {
            (Precision.Float32, _) => WorkingParameters.Float32(parameters, master),
            (_, ScalarType.BFloat16) => WorkingParameters.BFloat16(parameters, master, Round),
            _ => new RoundedParameters(parameters, master, Team),
        };

    private static (IKernels Kernels, ICrossEntropy CrossEntropy) Both<T>(CpuKernels<T> kernels)
        where T : struct, IElement => (kernels, kernels);
}
