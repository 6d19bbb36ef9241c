using Gpt2Cluster.Compute.Memory;
using Gpt2Cluster.Compute.Model;
using Gpt2Cluster.Core.Memory;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Reduction;
using static TorchSharp.torch;

namespace Gpt2Cluster.Compute.Training;

/// <summary>
/// Adds the gradients of a worker's micro-batches up the canonical tree, range by range while the backward pass goes
/// on, and hands over every range of a finished subtree. Buffers are made when first needed and kept for later steps.
/// What a gradient is held in, and where sums are added, is the backend's affair.
/// </summary>
internal abstract class GradientAccumulator : IDisposable
{
    private readonly Dictionary<FoldBuffer, (FlatTensor Flat, GradientViews Views)> sums = [];
    private readonly Stack<(FlatTensor Flat, GradientViews Views)> unused = [];
    private readonly ScalarType type;
    private FlatTensor? leaf;
    private GradientViews? leafViews;
    private IReadOnlyList<LeafRange> ranges = [];
    private FoldPlan? plan;
    private int leafCount;
    private int foldedCount;
    private bool isOpen;

    /// <summary>Accumulates gradients of a layout.</summary>
    /// <param name="layout">What is trained.</param>
    /// <param name="memory">Where gradients and sums lie.</param>
    /// <param name="type">What a gradient is held in; sums are fp32.</param>
    protected GradientAccumulator(ParameterLayout layout, DeviceMemory memory, ScalarType type)
    {
        (Layout, Memory, this.type) = (layout, memory, type);
    }

    /// <summary>What is trained.</summary>
    protected ParameterLayout Layout { get; }

    /// <summary>M of the step.</summary>
    public int LeafCount => leafCount;

    /// <summary>The sum over all leaves of the step, or the only leaf.</summary>
    /// <exception cref="InvalidOperationException">They were not one range, or not all are folded.</exception>
    public FlatTensor Root => plan is { Contributions: [var whole] } && foldedCount == leafCount
        && whole == new ReductionTree(leafCount).Root
            ? LeafTravels ? Leaf : SumOf(plan.Steps[^1].Target)
            : throw new InvalidOperationException($"Not all of {leafCount} leaves are folded into one sum.");

    /// <summary>Where gradients and sums lie.</summary>
    protected DeviceMemory Memory { get; }

    /// <summary>
    /// A worker's only gradient travels as it is when it is bf16: half the bytes, and nothing else needs the leaf.
    /// </summary>
    protected bool LeafTravels => type == ScalarType.BFloat16 && plan!.Steps.Count == 1;

    /// <summary>Whether a gradient that nothing is added to is written where its sum lies.</summary>
    protected abstract bool SumsTakeGradients { get; }

    /// <summary>The gradient of the last micro-batch, in the type of activations.</summary>
    protected FlatTensor Leaf => leaf!;

    /// <summary>Plans a step in which this worker computes these leaves.</summary>
    public void Begin(IReadOnlyList<LeafRange> own, int leaves)
    {
        Abandon();
        (ranges, leafCount) = (own, leaves);
        plan = FoldPlan.For(new ReductionTree(leaves), own);
        (foldedCount, isOpen) = (0, false);
        foreach (var sum in sums.Values)
            unused.Push(sum);
        sums.Clear();
    }

    /// <summary>
    /// Goes on with more leaves; what is folded stays where it is, and finished sums are handed over again.
    /// </summary>
    /// <exception cref="InvalidOperationException">
    /// The leaves begin with others than before, or one was left half folded.
    /// </exception>
    public void Extend(IReadOnlyList<LeafRange> own, IContributionSink sink)
    {
        if (plan is null || isOpen || !own.BeginsWith([.. ranges]))
            throw new InvalidOperationException("What is folded of this step cannot be built on.");
        var travelled = LeafTravels;
        ranges = own;
        plan = FoldPlan.For(new ReductionTree(leafCount), own);
        var finished = plan.Steps.Take(foldedCount).Where(step => step.IsContribution).ToList();
        // The next leaf is written where a leaf lies that has travelled: from now on it travels as a sum.
        if (travelled && !LeafTravels && finished.Count == 1)
            CopyToSum(finished[0], 0, Layout.Length);
        foreach (var step in finished.Where(_ => sink.TakesSums))
            sink.Contribute(step.Result, ContributedAgain(step), 0, Layout.Length);
    }

    /// <summary>The plan of the next leaf, and where its gradient is to be written.</summary>
    /// <exception cref="InvalidOperationException">It is another worker's leaf, or not the next one.</exception>
    public (FoldStep Step, GradientViews Gradient) Open(int index)
    {
        var step = plan is not null && foldedCount < plan.Steps.Count ? plan.Steps[foldedCount] : null;
        if (step?.Leaf != index)
        {
            throw new InvalidOperationException(
                $"Micro-batch {index} of {leafCount} is not the next one of {string.Join(", ", ranges)}.");
        }

        isOpen = true;
        if (TakesGradient(step))
            return (step, Sum(step.Target).Views);
        if (leaf is null)
        {
            leaf = Memory.Flat(VocabularyPadding.PaddedLength(Layout), type);
            leafViews = new GradientViews(leaf, Layout);
        }

        return (step, leafViews!);
    }

    /// <summary>
    /// These elements of the leaf's gradient are final: folds them, and hands the sum over if it is finished.
    /// </summary>
    public void Finish(FoldStep step, long start, long end, IContributionSink sink)
    {
        if (!TakesGradient(step) && !LeafTravels)
            Fold(step, start, end);
        if (step.IsContribution && sink.TakesSums)
            HandOver(step, start, end, sink);
    }

    /// <summary>The whole gradient of the leaf that was opened is folded.</summary>
    public void Close()
    {
        WaitForCopies();
        foldedCount++;
        isOpen = false;
    }

    /// <inheritdoc/>
    public virtual void Dispose()
    {
        foreach (var (flat, views) in sums.Values.Concat(unused))
        {
            views.Dispose();
            flat.Dispose();
        }

        leafViews?.Dispose();
        leaf?.Dispose();
    }

    /// <summary>Where the sum of a step lies.</summary>
    protected FlatTensor SumOf(FoldBuffer buffer) => Sum(buffer).Flat;

    /// <summary>Elements of the leaf become the target's, widened.</summary>
    protected abstract void CopyToSum(FoldStep step, long start, long end);

    /// <summary><c>left = left + right</c>, or the leaf's elements in place of the right ones.</summary>
    protected abstract void AddInto(FlatTensor left, FlatTensor right, long start, long end);

    /// <summary>Gives elements that were just finished to the sink; it may come to them later.</summary>
    protected abstract void HandOver(FoldStep step, long start, long end, IContributionSink sink);

    /// <summary>Waits until all that was handed over has come to the sink.</summary>
    protected virtual void WaitForCopies()
    {
    }

    /// <summary>The same where nobody asks for it any more, so that what failed on the way does not matter.</summary>
    protected virtual void Abandon()
    {
    }

    /// <summary>All elements of a sum that was handed over before, in the processor's memory.</summary>
    protected abstract FlatBuffer ContributedAgain(FoldStep step);

    private bool TakesGradient(FoldStep step) => SumsTakeGradients && step.Addends.Count == 0;

    private void Fold(FoldStep step, long start, long end)
    {
        if (step.Addends.Count == 0)
        {
            CopyToSum(step, start, end);
            return;
        }

        var right = Leaf;
        foreach (var buffer in step.Addends)
        {
            var left = SumOf(buffer);
            AddInto(left, right, start, end);
            right = left;
        }
    }

    private (FlatTensor Flat, GradientViews Views) Sum(FoldBuffer buffer)
    {
        if (sums.TryGetValue(buffer, out var sum))
            return sum;
        if (!unused.TryPop(out sum))
        {
            var flat = Memory.Flat(VocabularyPadding.PaddedLength(Layout), ScalarType.Float32);
            sum = (flat, new GradientViews(flat, Layout));
        }

        sums.Add(buffer, sum);
        return sum;
    }
}
