using Gpt2Cluster.Core.Memory;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Reduction;
using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Core.Ports;

/// <summary>What a replica is made for; fixed for its life.</summary>
public sealed record ReplicaOptions
{
    /// <summary>The model's shape.</summary>
    public required ModelShape Shape { get; init; }

    /// <summary>What the products are computed in.</summary>
    public required Precision Precision { get; init; }

    /// <summary>
    /// Whether text is decoded with weights of eight bits, in place of those that the precision has. Prompts are read
    /// in the precision. Only where <see cref="Device.DecodesInEightBits"/>.
    /// </summary>
    public bool DecodesInEightBits { get; init; }

    /// <summary>Intra-op threads on a CPU, 1 or more; part of the compute profile.</summary>
    public int Threads { get; init; } = 1;

    /// <summary>False for a replica that only evaluates and generates: no moments, no gradient.</summary>
    public bool Trains { get; init; } = true;

    /// <summary>The optimizer's constants.</summary>
    public OptimizerOptions Optimizer { get; init; } = new();

    /// <summary>Which tensors are updated.</summary>
    public TrainableParameters Trainable { get; init; }

    /// <summary>The adapters; null unless they are trained.</summary>
    public LoraOptions? Lora { get; init; }

    /// <summary>
    /// Whether a block's activations are dropped after the forward pass and computed again in the backward pass.
    /// </summary>
    public bool Recompute { get; init; }

    /// <summary>
    /// Probability of dropping an activation, 0 to below 1, on the embeddings and both residual branches.
    /// </summary>
    public double Dropout { get; init; }

    /// <summary>Probability of replacing an input token by a uniform random one, 0 to 1; targets stay.</summary>
    public double Noise { get; init; }

    /// <summary>The run's seed: all randomness is keyed by it.</summary>
    public ulong Seed { get; init; }
}

/// <summary>The windows of one micro-batch.</summary>
/// <param name="Step">The step it belongs to, from 1.</param>
/// <param name="Index">Its place in the global batch, 0 to M - 1.</param>
/// <param name="Tokens">B windows of T + 1 tokens, one behind the other.</param>
/// <param name="BatchSize">B.</param>
/// <param name="SequenceLength">T.</param>
public readonly record struct MicroBatch(
    long Step, int Index, ReadOnlyMemory<ushort> Tokens, int BatchSize, int SequenceLength);

/// <summary>Where the time of one step went, by phase, on one worker.</summary>
/// <param name="Embedding">Looking up tokens and positions, both passes.</param>
/// <param name="BlocksForward">All blocks, forward.</param>
/// <param name="Head">Last layer norm, logits and loss, forward.</param>
/// <param name="HeadBackward">The same, backward.</param>
/// <param name="BlocksBackward">All blocks, backward, recomputation included.</param>
/// <param name="Fold">Adding gradients up the canonical tree.</param>
/// <param name="Optimizer">Norm, clipping and update.</param>
public readonly record struct ComputeTimes(
    TimeSpan Embedding,
    TimeSpan BlocksForward,
    TimeSpan Head,
    TimeSpan HeadBackward,
    TimeSpan BlocksBackward,
    TimeSpan Fold,
    TimeSpan Optimizer);

/// <summary>A replica's state: what checkpoints hold, and what one replica copies from another.</summary>
public interface IReplicaState
{
    /// <summary>How many trained parameters it has: the elements of each part.</summary>
    long Length { get; }

    /// <summary>The last step that was applied; 0 before the first.</summary>
    long Step { get; }

    /// <summary>
    /// Whether its parts belong together: not before <see cref="IReplica.Initialize"/> or <see cref="Loaded"/>, not
    /// after a <see cref="Write"/> until then, and not after an <see cref="IReplica.Apply"/> that failed: it may have
    /// changed some of them.
    /// </summary>
    bool IsLoaded { get; }

    /// <summary>
    /// SHA-256, lower-case hexadecimal, over the SHA-256 of each 4 MiB piece of the frozen parameters, as fp32 of what
    /// they were rounded to, in the order of <see cref="ModelParameters.Frozen"/>; null where everything is trained.
    /// </summary>
    string? FrozenHash { get; }

    /// <summary>Copies fp32 elements of one part out. Parts the optimizer does not have read as zeros.</summary>
    void Read(ReplicaPart part, long start, Span<float> into);

    /// <summary>
    /// A copy of the parts that the optimizer has, as they are now; what is computed later does not change it. It lies
    /// on the device if that has memory for it, else in the host's.
    /// </summary>
    /// <exception cref="OutOfMemoryException">Neither has memory for it; none is taken.</exception>
    IReplicaSnapshot Snapshot();

    /// <summary>
    /// Copies fp32 elements of one part in; <see cref="Loaded"/> must follow before the next computation.
    /// </summary>
    void Write(ReplicaPart part, long start, ReadOnlySpan<float> from);

    /// <summary>
    /// Ends a series of <see cref="Write"/>: derived copies are made anew and the replica stands at <paramref
    /// name="step"/>.
    /// </summary>
    void Loaded(long step);
}

/// <summary>
/// Parameters and optimizer moments on one device, and the tensor work on them. All calls come from one thread, the
/// worker's compute thread, the one that made the replica.
/// </summary>
public interface IReplica : IReplicaState, IDisposable
{
    /// <summary>The model's parameters, and which are trained.</summary>
    ModelParameters Parameters { get; }

    /// <summary>The order of the trained parameters in the flat buffers.</summary>
    ParameterLayout Layout => Parameters.Trained;

    /// <inheritdoc/>
    long IReplicaState.Length => Layout.Length;

    /// <summary>
    /// Draws the first values of all parameters, trained or not, from the counter-based generator; zero moments, step
    /// 0.
    /// </summary>
    void Initialize(ulong seed);

    /// <summary>
    /// Draws the first values of the trained parameters only; zero moments. Those that a base model brings are
    /// overwritten by <see cref="WriteBase"/>; <see cref="IReplicaState.Loaded"/> must follow.
    /// </summary>
    void InitializeTrained(ulong seed);

    /// <summary>
    /// Copies fp32 elements of the base model in: to the trained parameters and to the frozen ones, which are rounded
    /// to what products are computed in. <see cref="IReplicaState.Loaded"/> must follow before the next computation.
    /// </summary>
    /// <param name="start">Index of the first element in <see cref="ModelParameters.Base"/>.</param>
    /// <param name="from">The elements.</param>
    /// <param name="frozenOnly">Whether trained parameters stay as they are: they come from elsewhere.</param>
    void WriteBase(long start, ReadOnlySpan<float> from, bool frozenOnly = false);

    /// <summary>
    /// Makes ready for a step in which this worker computes the leaves of <paramref name="ranges"/>, of <paramref
    /// name="leafCount"/> in all.
    /// </summary>
    void BeginStep(long step, IReadOnlyList<LeafRange> ranges, int leafCount);

    /// <summary>
    /// The step begun last goes on with more leaves, between two micro-batches: what is folded stays, and the sums
    /// that were finished are given to <paramref name="sink"/> again. Nobody may read them at this moment.
    /// </summary>
    /// <exception cref="InvalidOperationException">
    /// <paramref name="ranges"/> does not begin with those of the step, or a micro-batch failed half way.
    /// </exception>
    void ExtendStep(IReadOnlyList<LeafRange> ranges, IContributionSink sink);

    /// <summary>
    /// Forward, then backward block by block; folds the gradient into the worker's partial sums in the order of the
    /// canonical tree and gives every range of a finished subtree to <paramref name="sink"/> as soon as it is final.
    /// Micro-batches of a step come in the order of its ranges.
    /// </summary>
    /// <returns>The mean loss over the B x T targets, nats per token. The gradient is that of this mean.</returns>
    double ComputeMicroBatch(in MicroBatch batch, IContributionSink sink);

    /// <summary>
    /// Whether a step that it computes alone is averaged where its gradients lie (<see cref="AverageAlone"/>), so that
    /// nothing need be contributed.
    /// </summary>
    bool AveragesAlone { get; }

    /// <summary>
    /// All leaves of the step are folded here, and nobody else needs their average: it is made of them in place of that
    /// of an exchange, with the same bits.
    /// </summary>
    /// <exception cref="InvalidOperationException">
    /// Leaves are missing, or were not one range, or it does not average alone.
    /// </exception>
    void AverageAlone();

    /// <summary>
    /// Takes the averages of a step while they land, where the device does not reach them by itself; null elsewhere.
    /// What one before took is forgotten. <see cref="GradientNorm"/> finds what was taken.
    /// </summary>
    IAveragesSink? TakeAverages() => null;

    /// <summary>
    /// Euclidean norm of the averaged gradient, summed in fp64 over fixed blocks of 65,536 elements in order.
    /// </summary>
    /// <param name="averages">The averaged gradient; null for the one that <see cref="AverageAlone"/> made.</param>
    double GradientNorm(FlatBuffer? averages);

    /// <summary>
    /// One optimizer update with the averaged gradient times <paramref name="scale"/> (the clipping factor, 1 for
    /// none); <see cref="IReplicaState.Step"/> becomes <paramref name="step"/>. If it fails half way (no memory on the
    /// device), the replica is not <see cref="IReplicaState.IsLoaded"/> any more: it has to be brought anew.
    /// </summary>
    /// <param name="averages">The averaged gradient; null for the one that <see cref="AverageAlone"/> made.</param>
    /// <param name="step">The step.</param>
    /// <param name="learningRate">Its learning rate.</param>
    /// <param name="scale">The clipping factor.</param>
    void Apply(FlatBuffer? averages, long step, double learningRate, double scale);

    /// <summary>
    /// Advances <see cref="IReplicaState.Step"/> without touching parameters or moments (a step skipped for a NaN).
    /// </summary>
    void Skip(long step);

    /// <summary>
    /// Forward only, without dropout or noise: for each of the B windows the sum of the losses of the targets from
    /// <paramref name="firstTargets"/>[b] on (0 counts all T), nats.
    /// </summary>
    double[] SumLosses(in MicroBatch batch, ReadOnlySpan<int> firstTargets);

    /// <summary>
    /// Texts with key/value caches, decoded together. Until they are disposed the parameters must stay as they are.
    /// </summary>
    ITextBatch NewTexts();

    /// <summary>Where the time of the last step went.</summary>
    ComputeTimes Times { get; }
}
