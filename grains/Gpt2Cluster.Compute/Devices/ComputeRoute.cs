using Gpt2Cluster.Compute.Kernels;
using Gpt2Cluster.Compute.Kernels.Fused;
using Gpt2Cluster.Compute.Memory;
using Gpt2Cluster.Compute.Model;
using Gpt2Cluster.Compute.Training;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Specification;
using static TorchSharp.torch;

namespace Gpt2Cluster.Compute.Devices;

/// <summary>
/// How one device computes at one precision: the single place where devices differ. These questions have answers here:
/// what activations and gradients are held in, which kernels run between the products, and where the parameters of the
/// products come from.
/// </summary>
internal sealed class ComputeRoute : IDisposable
{
    private readonly Precision precision;

    private ComputeRoute(
        Precision precision,
        ScalarType type,
        TorchSharp.torch.Device device,
        IKernels kernels,
        ILinear linear,
        ThreadTeam team)
    {
        this.precision = precision;
        Type = type;
        Device = device;
        Kernels = kernels;
        Linear = linear;
        Team = team;
    }

    /// <summary>What activations and gradients are held in.</summary>
    public ScalarType Type { get; }

    /// <summary>Where tensors live.</summary>
    public TorchSharp.torch.Device Device { get; }

    /// <summary>What runs between the products.</summary>
    public IKernels Kernels { get; }

    /// <summary>The products of linear layers.</summary>
    public ILinear Linear { get; }

    /// <summary>Threads for work on the host.</summary>
    public ThreadTeam Team { get; }

    /// <summary>Whether decoding reads bf16 copies of the weights.</summary>
    public bool NarrowsForDecoding => OnCpu && precision == Precision.BFloat16 && Type == ScalarType.Float32;

    private bool OnCpu => Device.type == TorchSharp.DeviceType.CPU;

    /// <summary>A CPU: our own kernels, and bf16 only where the processor multiplies it.</summary>
    /// <param name="precision">Of the products.</param>
    /// <param name="threads">Intra-op threads.</param>
    /// <param name="multipliesBFloat16">Whether the processor does so in hardware.</param>
    /// <param name="shape">
    /// The model's: widths that are multiples of eight, and of 64, as all published ones are, have faster kernels.
    /// </param>
    public static ComputeRoute ForCpu(Precision precision, int threads, bool multipliesBFloat16, ModelShape shape)
    {
        TorchRuntime.Prepare(threads);
        var team = new ThreadTeam(threads);
        var narrow = precision == Precision.BFloat16 && multipliesBFloat16;
        if (narrow && Microkernel.IsAvailable && CanFuse(shape))
            return Fused(precision, team);
        IKernels kernels = (narrow, shape.Width % 8 == 0) switch
        {
            (true, true) => new CpuKernels<BFloat16Element>(team),
            (true, false) => new CpuKernels<AnyLength<BFloat16Element>>(team),
            (false, true) => new CpuKernels<Float32Element>(team),
            (false, false) => new CpuKernels<AnyLength<Float32Element>>(team),
        };
        var type = narrow ? ScalarType.BFloat16 : ScalarType.Float32;
        return new ComputeRoute(precision, type, CPU, kernels, new TorchLinear(kernels), team);
    }

    /// <summary>The fused kernels on any CPU, for tests: without the microkernel they are very slow.</summary>
    public static ComputeRoute ForFused(Precision precision, int threads)
    {
        TorchRuntime.Prepare(threads);
        return Fused(precision, new ThreadTeam(threads));
    }

    private static bool CanFuse(ModelShape shape) =>
        FusedLinear.Takes(shape.Width) && HeadwiseAttention.Takes(shape.Width / shape.HeadCount);

    private static ComputeRoute Fused(Precision precision, ThreadTeam team)
    {
        var linear = new FusedLinear(team);
        var kernels = new CpuKernels<BFloat16Element>(
            team,
            (qkv, length, heads, forBackward) =>
                new HeadwiseAttention(team, linear.Scratch, qkv, length, heads, forBackward));
        return new ComputeRoute(precision, ScalarType.BFloat16, CPU, kernels, linear, team);
    }

    /// <summary>Whole-tensor operations on any device: a GPU, or a CPU in tests of what a GPU runs.</summary>
    public static ComputeRoute ForTensors(Precision precision, int threads, TorchSharp.torch.Device device)
    {
        TorchRuntime.Prepare(threads);
        var type = precision == Precision.BFloat16 ? ScalarType.BFloat16 : ScalarType.Float32;
        var kernels = new TorchKernels(device);
        return new ComputeRoute(
            precision, type, device, kernels, new TorchLinear(kernels), new ThreadTeam(threads));
    }

    /// <summary>The loss over the vocabulary.</summary>
    public IVocabularyLoss VocabularyLoss(ModelShape shape, PhaseClock clock) => Linear is FusedLinear
        ? new FusedVocabularyLoss(Team, shape.VocabularySize, clock)
        : new ChunkedVocabularyLoss(Kernels, shape, clock);

    /// <summary>The parameters as this route's products take them.</summary>
    public IWorkingParameters WorkingParameters(FlatTensor masters, ParameterLayout layout)
    {
        if (precision == Precision.Float32)
            return new MasterParameters(masters, layout);
        return Type == ScalarType.BFloat16
            ? new NarrowParameters(masters, layout)
            : new RoundedParameters(masters, layout, Team);
    }

    /// <summary>The optimizer as this route runs it.</summary>
    public IUpdateRule UpdateRule(
        ReplicaState state, ParameterSegment[] segments, OptimizerOptions options, IWorkingParameters working) =>
        OnCpu && Kernels is not TorchKernels
            ? new CpuUpdateRule(state, segments, options, working, Team)
            : new TorchUpdateRule(state, segments, options, working);

    /// <summary><c>c = a b</c> for a few rows, bound by reading <paramref name="b"/>.</summary>
    public void MultiplyRows(Matrix a, Matrix b, Matrix c)
    {
        if (!OnCpu)
            Products.Multiply(a, b, c);
        else if (Type == ScalarType.BFloat16)
            RowProducts.Multiply<BFloat16Element, BFloat16Element>(Team, a, b, c);
        else if (b.Tensor.dtype == ScalarType.BFloat16)
            RowProducts.Multiply<Float32Element, BFloat16Element>(Team, a, b, c);
        else
            RowProducts.Multiply<Float32Element, Float32Element>(Team, a, b, c);
    }

    /// <summary><c>c = a b^T</c> for a few rows, bound by reading <paramref name="b"/>.</summary>
    public void MultiplyRowsByTransposed(Matrix a, Matrix b, Matrix c)
    {
        if (!OnCpu)
            Products.MultiplyByTransposed(a, b, c);
        else if (Type == ScalarType.BFloat16)
            RowProducts.MultiplyByTransposed<BFloat16Element, BFloat16Element>(Team, a, b, c);
        else if (b.Tensor.dtype == ScalarType.BFloat16)
            RowProducts.MultiplyByTransposed<Float32Element, BFloat16Element>(Team, a, b, c);
        else
            RowProducts.MultiplyByTransposed<Float32Element, Float32Element>(Team, a, b, c);
    }

    /// <summary>Waits until everything asked of a GPU is done; a CPU is never behind.</summary>
    public void Synchronize()
    {
        if (!OnCpu)
            cuda.synchronize(Device);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Linear.Dispose();
        Kernels.Dispose();
        Team.Dispose();
    }
}
