using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Core.Memory;

/// <summary>
/// The memory of a card that a worker takes at its peak, bytes, before anything is allocated: the sum of what the torch
/// backend allocates there. A step's temporary tensors are never all there at once: those of a pass are gone when the
/// update makes its own.
/// </summary>
/// <param name="StateBytes">Master weights, moments, what products read, and the frozen parameters.</param>
/// <param name="GradientBytes">A micro-batch's gradient and the sums of a worker.</param>
/// <param name="ActivationBytes">
/// What the forward pass leaves for the backward pass, scratch, and the logits of as many rows as are computed at a
/// time.
/// </param>
/// <param name="PassBytes">The most temporary tensors of a forward or backward pass.</param>
/// <param name="UpdateBytes">The averages, and the temporary tensors of norm and update.</param>
/// <param name="SnapshotBytes">A copy of the state for a checkpoint.</param>
public sealed record CardMemoryEstimate(
    long StateBytes,
    long GradientBytes,
    long ActivationBytes,
    long PassBytes,
    long UpdateBytes,
    long SnapshotBytes)
{
    /// <summary>
    /// A context with the kernels that libtorch loads into it, and the workspaces of cuBLAS. Not measured: no part of
    /// this has run on a card.
    /// </summary>
    public const long ContextBytes = 1_000_000_000;

    /// <summary>Bytes of logits that are computed at a time, if there are as many rows.</summary>
    public const long MostLogitBytes = 2_000_000_000;

    /// <summary>Elements that one operator of the update takes: temporary tensors have no more.</summary>
    public const int MostUpdateElements = 1 << 27;

    /// <summary>Four numbers each of dropout's masks that are drawn at a time.</summary>
    public const long MostMaskCounters = 1 << 21;

    // Tensors of int64 that ten rounds of Philox leave until a mask is drawn: four a round, words and their halves.
    private const int MaskTensors = 50;

    // The gradients of queries, keys and values, and of a layer norm's input, before they are where they belong.
    private const int BackwardWidths = 4;

    /// <summary>All tensors.</summary>
    public long TensorBytes =>
        StateBytes + GradientBytes + ActivationBytes + Math.Max(PassBytes, UpdateBytes) + SnapshotBytes;

    /// <summary>What a worker takes on its card.</summary>
    public long DeviceBytes => ContextBytes + TensorBytes;

    /// <summary>Estimates a worker on a card that multiplies the precision.</summary>
    public static CardMemoryEstimate Of(MemoryDemand demand)
    {
        ArgumentNullException.ThrowIfNull(demand);
        var (shape, trained) = (demand.Parameters.Shape, demand.Parameters.Trained.Length);
        var isBFloat16 = demand.Precision == Precision.BFloat16;
        var elementBytes = isBFloat16 ? 2L : 4L;
        var rows = (long)demand.BatchSize * demand.SequenceLength;
        var vocabulary = MemoryEstimate.PaddedVocabulary(shape);
        var logitRows = Math.Clamp(MostLogitBytes / (vocabulary * elementBytes), 1, rows);
        return new CardMemoryEstimate(
            MemoryEstimate.State(demand, elementBytes),
            (isBFloat16 ? elementBytes * trained : 0)
                + MemoryEstimate.TokenSumBytes(demand, isBFloat16)
                + (MemoryEstimate.SumCount(demand) * sizeof(float) * trained),
            MemoryEstimate.Activations(demand, elementBytes) + (logitRows * vocabulary * elementBytes),
            Pass(demand, rows, logitRows, elementBytes),
            (sizeof(float) * trained) + (sizeof(double) * Math.Min(trained, MostUpdateElements)),
            demand.WritesCheckpoints ? MemoryEstimate.Master(demand) : 0);
    }

    /// <summary>The largest of what a pass has at one time: behind the logits, in a block, in the embedding.</summary>
    private static long Pass(MemoryDemand demand, long rows, long logitRows, long elementBytes)
    {
        var shape = demand.Parameters.Shape;
        var vocabulary = MemoryEstimate.PaddedVocabulary(shape);
        // The logits in fp32, unless they are, and the logarithms of their softmax.
        var head = logitRows * vocabulary * (elementBytes == sizeof(float) ? sizeof(float) : 2 * sizeof(float));
        var block = rows * shape.Width * elementBytes * BackwardWidths;
        var embedding = MemoryEstimate.TokenSumBytes(demand, true) + (sizeof(float) * rows * shape.Width);
        var masks = demand.HasDropout
            ? (sizeof(long) * MaskTensors * Math.Min(MostMaskCounters, rows * shape.Width / 4))
                + (2 * rows * shape.Width * elementBytes)
            : 0;
        return Math.Max(Math.Max(head, embedding), block + masks);
    }
}
