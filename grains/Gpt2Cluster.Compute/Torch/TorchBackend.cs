using Gpt2Cluster.Compute.Devices;
using Gpt2Cluster.Compute.Kernels;
using Gpt2Cluster.Compute.Memory;
using Gpt2Cluster.Compute.Model;
using Gpt2Cluster.Compute.Training;
using Gpt2Cluster.Core.Devices;
using Gpt2Cluster.Core.Memory;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Specification;
using static TorchSharp.torch;

namespace Gpt2Cluster.Compute.Torch;

/// <summary>
/// libtorch's operators on whole tensors: a card. It runs on a processor too, whose memory it treats as a card's: tests
/// hold it against the others there.
/// </summary>
internal sealed class TorchBackend : ComputeBackend
{
    private readonly TensorMemory memory;
    private readonly BatchTokens tokens;
    private readonly DeviceAverages averages;
    private readonly IHostCopies hostCopies;
    private readonly List<TorchOptimizer> optimizers = [];

    /// <summary>Makes it on a device.</summary>
    public TorchBackend(Precision precision, int threads, TorchSharp.torch.Device device)
        : this(precision, new TensorMemory(device), threads, CopiesOf)
    {
    }

    /// <summary>The same with other copies to the host, as tests have them.</summary>
    internal TorchBackend(
        Precision precision, TensorMemory memory, int threads, Func<TensorMemory, IHostCopies> copiesOf)
        : base(
            precision,
            precision == Precision.BFloat16 ? ScalarType.BFloat16 : ScalarType.Float32,
            memory,
            new ThreadTeam(threads))
    {
        TorchRuntime.Prepare(threads);
        if (memory.Device.type == TorchSharp.DeviceType.CUDA)
            TorchSwitches.MakeDeterministic();
        this.memory = memory;
        try
        {
            hostCopies = copiesOf.Invoke(memory);
        }
        catch
        {
            Team.Dispose();
            throw;
        }

        tokens = new BatchTokens(memory, hostCopies);
        averages = new DeviceAverages(memory, hostCopies);
        var kernels = new TorchKernels(Operators, tokens);
        Kernels = kernels;
        Linear = new TorchLinear(Operators, kernels);
        Matmul = new TorchMatmul(Operators);
    }

    /// <summary>Bytes of logits at a time; what more rows have is computed in chunks.</summary>
    public long MostLogitBytes { get; init; } = TorchHeadLoss.MostBytes;

    /// <summary>Takes all calls of libtorch.</summary>
    public TorchOperators Operators => memory.Operators;

    /// <inheritdoc/>
    public override IKernels Kernels { get; }

    /// <inheritdoc/>
    public override ILinear Linear { get; }

    /// <inheritdoc/>
    public override IMatmul Matmul { get; }

    /// <inheritdoc/>
    public override int? DecodingRows => 16;

    /// <inheritdoc/>
    public override IRowProduct NewRowProduct(Matrix weight, RowProductUse use, bool inEightBits) => inEightBits
        ? throw new NotSupportedException("Weights of eight bits are multiplied on processors only.")
        : new TorchRowProduct(Matmul, weight.As(Type), use);

    /// <inheritdoc/>
    public override IHeadLoss NewHeadLoss(ModelShape shape, PhaseClock clock) =>
        new TorchHeadLoss(Operators, Matmul, tokens, shape, clock, MostLogitBytes);

    /// <inheritdoc/>
    public override IWorkingParameters NewWorkingParameters(ModelParameters parameters, FlatTensor master) =>
        Type == ScalarType.BFloat16
            ? WorkingParameters.BFloat16(parameters, master, Round)
            : WorkingParameters.Float32(parameters, master);

    /// <inheritdoc/>
    public override IOptimizer NewOptimizer(
        ReplicaState state, ParameterLayout trained, OptimizerOptions options, IWorkingParameters working)
    {
        optimizers.Add(new TorchOptimizer(Operators, state, trained, options, working, averages));
        return optimizers[^1];
    }

    /// <inheritdoc/>
    public override GradientAccumulator NewGradientAccumulator(ParameterLayout trained) =>
        new DeviceGradientAccumulator(trained, memory, Type, hostCopies);

    /// <inheritdoc/>
    public override void Synchronize()
    {
        if (Memory.Device.type == TorchSharp.DeviceType.CUDA)
            cuda.synchronize(Memory.Device);
    }

    /// <inheritdoc/>
    public override void BeginPass(ReadOnlyMemory<int> inputs, ReadOnlyMemory<int> targets)
    {
        averages.Drop();
        tokens.Begin(inputs, targets);
    }

    /// <inheritdoc/>
    public override IAveragesSink TakeAverages(long length) => averages.Await(length);

    /// <inheritdoc/>
    public override double GradientNorm(FlatBuffer? averages, long length) => this.averages.Norm(averages, length);

    /// <inheritdoc/>
    public override bool AveragesAlone => true;

    /// <inheritdoc/>
    public override void Average(FlatTensor root, int leafCount, long length) =>
        averages.Make(root.Tensor, leafCount, length);

    /// <inheritdoc/>
    public override IReplicaSnapshot? Snapshot(ReplicaState state, long length, string? frozenHash)
    {
        using var scope = NewDisposeScope();
        var parts = state.Parts;
        try
        {
            var copy = hostCopies.Keep([.. parts.Select(part => state[part]!.Tensor.narrow(0, 0, length))]);
            return new DeviceSnapshot(copy, parts, length, frozenHash);
        }
        catch (Exception problem) when (DeviceFailures.Of(problem) == DeviceFailure.OutOfMemory)
        {
            return null;
        }
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        optimizers.ForEach(optimizer => optimizer.Dispose());
        averages.Dispose();
        tokens.Dispose();
        hostCopies.Dispose();
        base.Dispose();
    }

    private static IHostCopies CopiesOf(TensorMemory memory) => memory.Device.type == TorchSharp.DeviceType.CUDA
        ? new StreamCopies(new CudaCopyDriver(memory.Device.index), memory.Operators.Counts)
        : new BlockingCopies(memory.Operators);

    private void Round(FlatTensor from, FlatTensor into, long start, int count)
    {
        using var scope = NewDisposeScope();
        Operators.Copy(from.Tensor.narrow(0, start, count), into.Tensor.narrow(0, start, count));
    }
}
