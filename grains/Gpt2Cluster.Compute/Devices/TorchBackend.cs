using Gpt2Cluster.Compute.Kernels;
using Gpt2Cluster.Compute.Memory;
using Gpt2Cluster.Compute.Model;
using Gpt2Cluster.Compute.Training;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Specification;
using static TorchSharp.torch;

namespace Gpt2Cluster.Compute.Devices;

/// <summary>
/// libtorch's operators on whole tensors: a card. It runs on a processor too, whose memory it treats as a card's: tests
/// hold it against the others there.
/// </summary>
internal sealed class TorchBackend : ComputeBackend
{
    private readonly TensorMemory memory;

    /// <summary>Makes it on a device.</summary>
    public TorchBackend(Precision precision, int threads, TorchSharp.torch.Device device)
        : this(precision, new TensorMemory(device), threads)
    {
    }

    private TorchBackend(Precision precision, TensorMemory memory, int threads)
        : base(
            precision,
            precision == Precision.BFloat16 ? ScalarType.BFloat16 : ScalarType.Float32,
            memory,
            new ThreadTeam(threads))
    {
        TorchRuntime.Prepare(threads);
        this.memory = memory;
        Kernels = new TorchKernels(memory.Device);
        Linear = new TorchLinear(Matmul, Kernels);
        RowMatmul = new TorchRowMatmul(Matmul);
    }

    /// <inheritdoc/>
    public override IKernels Kernels { get; }

    /// <inheritdoc/>
    public override ILinear Linear { get; }

    /// <inheritdoc/>
    public override IMatmul Matmul { get; } = new Matmul();

    /// <inheritdoc/>
    public override IRowMatmul RowMatmul { get; }

    /// <inheritdoc/>
    public override ScalarType DecodingType => Type;

    /// <inheritdoc/>
    public override IHeadLoss NewHeadLoss(ModelShape shape, PhaseClock clock) =>
        new ChunkedHeadLoss(Matmul, Kernels, shape, clock);

    /// <inheritdoc/>
    public override IWorkingParameters NewWorkingParameters(ModelParameters parameters, FlatTensor master) =>
        Type == ScalarType.BFloat16
            ? WorkingParameters.BFloat16(parameters, master, Round)
            : WorkingParameters.Float32(parameters, master);

    /// <inheritdoc/>
    public override IOptimizer NewOptimizer(
        ReplicaState state, ParameterLayout trained, OptimizerOptions options, IWorkingParameters working) =>
        new TorchOptimizer(state, ParameterSegment.For(trained), options, working);

    /// <inheritdoc/>
    public override GradientAccumulator NewGradientAccumulator(ParameterLayout trained) =>
        new DeviceGradientAccumulator(trained, memory, Type);

    /// <inheritdoc/>
    public override void Synchronize()
    {
        if (Memory.Device.type == TorchSharp.DeviceType.CUDA)
            cuda.synchronize(Memory.Device);
    }

    private static void Round(FlatTensor from, FlatTensor into, long start, int count)
    {
        using var scope = NewDisposeScope();
        into.Tensor.narrow(0, start, count).copy_(from.Tensor.narrow(0, start, count));
    }
}
