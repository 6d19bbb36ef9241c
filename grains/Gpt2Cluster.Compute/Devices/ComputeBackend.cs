using Gpt2Cluster.Compute.Kernels;
using Gpt2Cluster.Compute.Memory;
using Gpt2Cluster.Compute.Model;
using Gpt2Cluster.Compute.Training;
using Gpt2Cluster.Core.Memory;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Specification;
using static TorchSharp.torch;

namespace Gpt2Cluster.Compute.Devices;

/// <summary>
/// How one kind of device computes at one precision: the factory of everything that depends on the device. Whoever uses
/// what it makes does not ask what it runs on.
/// </summary>
internal abstract class ComputeBackend : IDisposable
{
    /// <summary>Sets up what all backends have.</summary>
    /// <param name="precision">Of the products.</param>
    /// <param name="type">What activations and gradients are held in.</param>
    /// <param name="memory">Where they lie.</param>
    /// <param name="team">Threads for work on the host.</param>
    protected ComputeBackend(Precision precision, ScalarType type, DeviceMemory memory, ThreadTeam team)
    {
        (Precision, Type, Memory, Team) = (precision, type, memory, team);
    }

    /// <summary>Of the products.</summary>
    public Precision Precision { get; }

    /// <summary>What activations and gradients are held in.</summary>
    public ScalarType Type { get; }

    /// <summary>Where tensors lie.</summary>
    public DeviceMemory Memory { get; }

    /// <summary>Threads for work on the host.</summary>
    public ThreadTeam Team { get; }

    /// <summary>What runs between the products.</summary>
    public abstract IKernels Kernels { get; }

    /// <summary>The products of linear layers.</summary>
    public abstract ILinear Linear { get; }

    /// <summary>Plain products.</summary>
    public abstract IMatmul Matmul { get; }

    /// <summary>What the logits of decoding are held in.</summary>
    public virtual ScalarType LogitsType => Type;

    /// <summary>Products of a few rows with one matrix: what decoding consists of.</summary>
    /// <param name="weight">The matrix; it must live as long as the product.</param>
    /// <param name="use">What the product is for.</param>
    /// <param name="inEightBits">Whether its weights are rounded to eight bits with a scale for each output.</param>
    /// <exception cref="NotSupportedException">This device has no products of eight bits.</exception>
    public abstract IRowProduct NewRowProduct(Matrix weight, RowProductUse use, bool inEightBits);

    /// <summary>The loss over the vocabulary.</summary>
    public abstract IHeadLoss NewHeadLoss(ModelShape shape, PhaseClock clock);

    /// <summary>The parameters as this backend's products take them.</summary>
    public abstract IWorkingParameters NewWorkingParameters(ModelParameters parameters, FlatTensor master);

    /// <summary>The optimizer.</summary>
    public abstract IOptimizer NewOptimizer(
        ReplicaState state, ParameterLayout trained, OptimizerOptions options, IWorkingParameters working);

    /// <summary>The sums of gradients.</summary>
    public abstract GradientAccumulator NewGradientAccumulator(ParameterLayout trained);

    /// <summary>Waits until everything asked of the device is done.</summary>
    public abstract void Synchronize();

    /// <summary>
    /// Rows of every matrix while decoding, where products of another number of rows may add in another order; null
    /// where a row's bits do not depend on how many there are.
    /// </summary>
    public virtual int? DecodingRows => null;

    /// <summary>A pass over the model begins; a device may fetch the tokens here, once for all who need them.</summary>
    /// <param name="tokens">N inputs, unchanged until the pass ends.</param>
    /// <param name="targets">N targets, unchanged until the pass ends.</param>
    public virtual void BeginPass(ReadOnlyMemory<int> tokens, ReadOnlyMemory<int> targets)
    {
    }

    /// <summary>
    /// Takes averages while they land, for <see cref="GradientNorm"/> and the optimizer; null where they are read from
    /// the host's memory.
    /// </summary>
    /// <param name="length">How many elements there will be.</param>
    public virtual IAveragesSink? TakeAverages(long length) => null;

    /// <summary>The Euclidean norm of an averaged gradient, in an order that is fixed for a kind of device.</summary>
    /// <param name="averages">The elements; null for those that <see cref="Average"/> made.</param>
    /// <param name="length">How many there are.</param>
    public abstract double GradientNorm(FlatBuffer? averages, long length);

    /// <summary>Whether <see cref="Average"/> works here; elsewhere averages are the exchange's.</summary>
    public virtual bool AveragesAlone => false;

    /// <summary>
    /// Divides the sum over all leaves by their number, as an exchange would, for norm and update to take.
    /// </summary>
    /// <param name="root">The sum, or the only gradient; stays as it is.</param>
    /// <param name="leafCount">M.</param>
    /// <param name="length">How many of its elements are trained.</param>
    /// <exception cref="InvalidOperationException">This backend does not average.</exception>
    public virtual void Average(FlatTensor root, int leafCount, long length) =>
        throw new InvalidOperationException("This backend makes no averages: they come from an exchange.");

    /// <summary>
    /// A copy of a replica's state on the device, to be read while it computes on; null where a copy in the host's
    /// memory is as good, or where the device has no memory for one.
    /// </summary>
    /// <param name="state">The state.</param>
    /// <param name="length">How many of its elements are trained.</param>
    /// <param name="frozenHash">What the snapshot says of the frozen parameters.</param>
    public virtual IReplicaSnapshot? Snapshot(ReplicaState state, long length, string? frozenHash) => null;

    /// <inheritdoc/>
    public virtual void Dispose()
    {
        Linear.Dispose();
        Kernels.Dispose();
        Team.Dispose();
    }
}
