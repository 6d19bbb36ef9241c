using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Reduction;
using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Core.Memory;

/// <summary>What a worker's memory depends on.</summary>
/// <param name="Parameters">The model's, and which are trained.</param>
/// <param name="Optimizer">AdamW has two moments of every trained parameter.</param>
/// <param name="Precision">Of the products.</param>
/// <param name="BatchSize">B, windows of a micro-batch.</param>
/// <param name="SequenceLength">T, tokens of a window.</param>
/// <param name="MicroBatchCount">M, micro-batches of a step.</param>
/// <param name="Recompute">Whether only one block's activations are held.</param>
/// <param name="SiloCount">Silos that average with each other, 1 or more; 0 where nothing is exchanged at all.</param>
/// <param name="WritesCheckpoints">Whether a copy is made for a checkpoint.</param>
public sealed record MemoryDemand(
    ModelParameters Parameters,
    OptimizerKind Optimizer,
    Precision Precision,
    int BatchSize,
    int SequenceLength,
    int MicroBatchCount,
    bool Recompute,
    int SiloCount,
    bool WritesCheckpoints)
{
    /// <summary>Whether elements are dropped, of activations or of adapters' inputs.</summary>
    public bool HasDropout { get; init; }
}

/// <summary>
/// The memory a worker takes at its peak, bytes, before anything is allocated: the sum of what the backend of a
/// processor allocates, by what it is for.
/// </summary>
/// <param name="StateBytes">Master weights, moments, what products read, and the frozen parameters.</param>
/// <param name="GradientBytes">A micro-batch's gradient and the sums of a worker.</param>
/// <param name="ActivationBytes">What the forward pass leaves for the backward pass, and scratch.</param>
/// <param name="LogitBytes">The logits of as many rows as are computed at a time.</param>
/// <param name="ExchangeBytes">The averages of two steps, and sums under way; of a silo.</param>
/// <param name="SnapshotBytes">A copy of the state for a checkpoint.</param>
/// <param name="FoldBytes">
/// What a silo of several workers adds their sums up in; not in <see cref="TotalBytes"/>, which is of one worker.
/// </param>
public sealed record MemoryEstimate(
    long StateBytes,
    long GradientBytes,
    long ActivationBytes,
    long LogitBytes,
    long ExchangeBytes,
    long SnapshotBytes,
    long FoldBytes)
{
    /// <summary>
    /// A silo's program, its libraries and its heap without a model: what the peak of <c>bench step --train lora:8</c>
    /// at 124M, 1.126 GB, has beyond the other parts of this estimate.
    /// </summary>
    public const long ProgramBytes = 425_000_000;

    // Rows of logits that the fused and the portable loss hold at a time.
    private const int FusedLogitRows = 1024;
    private const int PortableLogitRows = 256;
    private const int VocabularyMultiple = 64;

    // C channels a row: two layer norms, queries, keys and values, attention's result, the stream, the MLP twice 4C.
    private const int ActivationWidths = 15;

    // The branch and the gradients of the stream, of a layer's input, of queries, keys and values, of the MLP.
    private const int ScratchWidths = 10;

    /// <summary>A worker that is the only one of its silo, the program included.</summary>
    public long TotalBytes => SiloBytes + WorkerBytes;

    /// <summary>What a silo has once, however many workers: its program and the exchange.</summary>
    private long SiloBytes => ProgramBytes + ExchangeBytes;

    /// <summary>What each worker has of its own.</summary>
    private long WorkerBytes => StateBytes + GradientBytes + ActivationBytes + LogitBytes + SnapshotBytes;

    /// <summary>All workers of a machine, their silos' programs included.</summary>
    public long BytesOf(MachineWorkers workers) => (workers.SiloCount * SiloBytes)
        + (workers.WorkerCount * WorkerBytes)
        + (workers.FoldingSiloCount * FoldBytes);

    /// <summary>Estimates a worker on a processor that multiplies the precision.</summary>
    public static MemoryEstimate Of(MemoryDemand demand)
    {
        ArgumentNullException.ThrowIfNull(demand);
        var (shape, trained) = (demand.Parameters.Shape, demand.Parameters.Trained.Length);
        var isBFloat16 = demand.Precision == Precision.BFloat16;
        var elementBytes = isBFloat16 ? 2L : 4L;
        var state = State(demand, elementBytes);
        var sums = SumCount(demand) * sizeof(float) * trained;
        return new MemoryEstimate(
            state,
            (isBFloat16 ? elementBytes * trained : 0) + TokenSumBytes(demand, isBFloat16) + sums,
            Activations(demand, elementBytes),
            Logits(shape, (long)demand.BatchSize * demand.SequenceLength, isBFloat16),
            Exchange(demand),
            demand.WritesCheckpoints ? Master(demand) : 0,
            Fold(demand));
    }

    /// <summary>
    /// What a machine's own memory holds of a worker on a card: copies of the sums that leave the card, and the silo's
    /// exchange.
    /// </summary>
    public static MemoryEstimate BesideCard(MemoryDemand demand)
    {
        ArgumentNullException.ThrowIfNull(demand);
        var isBFloat16 = demand.Precision == Precision.BFloat16;
        var copies = demand.SiloCount == 0 ? 0
            : isBFloat16 && SumCount(demand) == 0 ? sizeof(ushort)
            : sizeof(float) * ContributionCount(demand);
        return new MemoryEstimate(
            0, copies * demand.Parameters.Trained.Length, 0, 0, Exchange(demand), 0, Fold(demand));
    }

    /// <summary>The demand of a run's worker, one of <paramref name="siloCount"/> silos.</summary>
    public static MemoryDemand DemandOf(RunSpecification specification, Precision precision, int siloCount)
    {
        ArgumentNullException.ThrowIfNull(specification);
        return new MemoryDemand(
            specification.Parameters(),
            specification.Optimizer.Kind,
            precision,
            specification.BatchSize,
            specification.SequenceLength,
            specification.MicroBatchCount,
            specification.Recompute,
            siloCount,
            WritesCheckpoints: true)
        {
            HasDropout = specification.Dropout > 0 || specification.Lora?.Dropout > 0,
        };
    }

    /// <summary>The demand of a worker alone that trains with some defaults and writes checkpoints.</summary>
    public static MemoryDemand DemandOf(
        ModelShape shape, TrainingDefaults defaults, int sequenceLength, TrainingScope scope, Precision precision)
    {
        ArgumentNullException.ThrowIfNull(defaults);
        return new MemoryDemand(
            new ModelParameters(shape, scope.Trainable, scope.Lora()),
            OptimizerKind.AdamW,
            precision,
            defaults.BatchSize,
            sequenceLength,
            defaults.MicroBatchCount,
            Recompute: false,
            SiloCount: 1,
            WritesCheckpoints: true);
    }

    /// <summary>
    /// Sums that one worker of the silos holds of its share of a step; a bf16 gradient that is all of it travels as
    /// it is.
    /// </summary>
    internal static long SumCount(MemoryDemand demand)
    {
        if (ShareOf(demand) == 1)
            return demand.Precision == Precision.BFloat16 ? 0 : 1;
        var plan = PlanOf(demand);
        return plan.Contributions.Count + plan.HeldCount;
    }

    private static long ContributionCount(MemoryDemand demand) => PlanOf(demand).Contributions.Count;

    private static FoldPlan PlanOf(MemoryDemand demand) =>
        FoldPlan.For(new ReductionTree(demand.MicroBatchCount), [new LeafRange(0, ShareOf(demand))]);

    private static int ShareOf(MemoryDemand demand)
    {
        var siloCount = Math.Max(1, demand.SiloCount);
        return (demand.MicroBatchCount + siloCount - 1) / siloCount;
    }

    private static long Exchange(MemoryDemand demand)
    {
        var gradient = sizeof(float) * demand.Parameters.Trained.Length;
        return (demand.SiloCount == 0 ? 0 : 2 * gradient) + (demand.SiloCount > 1 ? gradient / demand.SiloCount : 0);
    }

    private static long Fold(MemoryDemand demand) =>
        demand.SiloCount > 1 ? sizeof(float) * demand.Parameters.Trained.Length : 0;

    /// <summary>Master weights and moments.</summary>
    internal static long Master(MemoryDemand demand) =>
        (demand.Optimizer == OptimizerKind.AdamW ? 3L : 1L) * sizeof(float) * demand.Parameters.Trained.Length;

    /// <summary>Those, what products read of them in bf16, and the frozen parameters.</summary>
    internal static long State(MemoryDemand demand, long elementBytes) => Master(demand)
        + (elementBytes == sizeof(float) ? 0 : elementBytes * demand.Parameters.Trained.Length)
        + (elementBytes * demand.Parameters.Frozen.Length);

    /// <summary>The token embedding's gradient while it is summed in fp32.</summary>
    internal static long TokenSumBytes(MemoryDemand demand, bool isBFloat16) =>
        isBFloat16 && demand.Parameters.Trained.Find(new ParameterId(-1, ParameterRole.TokenEmbedding)) is { } tokens
            ? sizeof(float) * tokens.Length
            : 0;

    /// <summary>What the forward pass leaves for the backward pass, and the scratch of both.</summary>
    internal static long Activations(MemoryDemand demand, long elementBytes)
    {
        var (shape, rank) = (demand.Parameters.Shape, demand.Parameters.Lora?.Rank ?? 0);
        var rows = (long)demand.BatchSize * demand.SequenceLength;
        var row = elementBytes * shape.Width;
        var statistics = 4L * sizeof(float);
        var logSums = (long)sizeof(float) * shape.HeadCount;
        var block = (ActivationWidths * row) + statistics + logSums
            + (elementBytes * rank * Gpt2Parameters.LinearLayers.Count);
        var blocks = demand.Recompute ? 1 : shape.LayerCount;
        return rows * ((blocks * block) + ((shape.LayerCount + 1 + ScratchWidths) * row));
    }

    /// <summary>V in whole groups: rows of the token embedding as the memory has them.</summary>
    internal static long PaddedVocabulary(ModelShape shape) =>
        (shape.VocabularySize + VocabularyMultiple - 1L) / VocabularyMultiple * VocabularyMultiple;

    private static long Logits(ModelShape shape, long rows, bool isBFloat16)
    {
        var vocabulary = PaddedVocabulary(shape);
        if (!isBFloat16)
            return Math.Min(rows, PortableLogitRows) * vocabulary * sizeof(float);
        var held = Math.Min(rows, FusedLogitRows);
        var maximaAndSums = 2L * sizeof(float) * vocabulary / VocabularyMultiple;
        return held * ((vocabulary * 2) + maximaAndSums + (4L * shape.Width));
    }
}
