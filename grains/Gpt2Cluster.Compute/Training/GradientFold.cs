using Gpt2Cluster.Compute.Devices;
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
/// </summary>
/// <remarks>
/// On a CPU in fp32 a gradient that has nothing to be added to is written where its sum lies. Elsewhere it is written
/// into a leaf of its own, in the device's memory and type, and folded from there.
/// </remarks>
internal sealed class GradientFold : IDisposable
{
    private const int PartElements = NormBlocks.BlockElements;

    private readonly ParameterLayout layout;
    private readonly ThreadTeam team;
    private readonly ScalarType type;
    private readonly TorchSharp.torch.Device device;
    private readonly Dictionary<FoldBuffer, (FlatTensor Flat, ParameterViews Views)> sums = [];
    private readonly Stack<(FlatTensor Flat, ParameterViews Views)> unused = [];
    private FlatTensor? leaf;
    private ParameterViews? leafViews;
    private FlatBuffer? hostLeaf;
    private IReadOnlyList<LeafRange> ranges = [];
    private FoldPlan? plan;
    private int leafCount;
    private int foldedCount;
    private bool isOpen;

    /// <summary>Folds gradients of the given type that lie on the given device.</summary>
    public GradientFold(ParameterLayout layout, ThreadTeam team, ScalarType type, TorchSharp.torch.Device device)
    {
        this.layout = layout;
        this.team = team;
        this.type = type;
        this.device = device;
    }

    /// <summary>
    /// A worker's only gradient travels as it is when it is bf16: half the bytes, and nothing else needs the leaf.
    /// </summary>
    private bool LeafTravels => type == ScalarType.BFloat16 && plan!.Steps.Count == 1;

    private bool SumsTakeGradients => type == ScalarType.Float32 && device.type == TorchSharp.DeviceType.CPU;

    /// <summary>Plans a step in which this worker computes these leaves.</summary>
    public void Begin(IReadOnlyList<LeafRange> own, int leaves)
    {
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
            CopyToSum(finished[0], HostLeaf, 0, layout.Length);
        foreach (var step in finished)
            sink.Contribute(step.Result, LeafTravels ? HostLeaf : SumOf(step), 0, layout.Length);
    }

    /// <summary>The plan of the next leaf, and where its gradient is to be written.</summary>
    /// <exception cref="InvalidOperationException">It is another worker's leaf, or not the next one.</exception>
    public (FoldStep Step, ParameterViews Gradient) Open(int index)
    {
        var step = plan is not null && foldedCount < plan.Steps.Count ? plan.Steps[foldedCount] : null;
        if (step?.Leaf != index)
        {
            throw new InvalidOperationException(
                $"Micro-batch {index} of {leafCount} is not the next one of {string.Join(", ", ranges)}.");
        }

        isOpen = true;
        if (SumsTakeGradients && step.Addends.Count == 0)
            return (step, Sum(step.Target).Views);
        if (leaf is null)
        {
            leaf = new FlatTensor(VocabularyPadding.PaddedLength(layout), type, device);
            leafViews = new ParameterViews(leaf, layout);
        }

        return (step, leafViews!);
    }

    /// <summary>
    /// These elements of the leaf's gradient are final: folds them, and hands the sum over if it is finished.
    /// </summary>
    public void Finish(FoldStep step, long start, long end, IContributionSink sink)
    {
        var sum = SumsTakeGradients && step.Addends.Count == 0
            ? SumOf(step)
            : FoldLeaf(step, start, end);
        if (step.IsContribution)
            sink.Contribute(step.Result, sum, start, end);
    }

    /// <summary>The whole gradient of the leaf that was opened is folded.</summary>
    public void Close()
    {
        foldedCount++;
        isOpen = false;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var (flat, views) in sums.Values.Concat(unused))
        {
            views.Dispose();
            flat.Dispose();
        }

        leafViews?.Dispose();
        leaf?.Dispose();
        hostLeaf?.Dispose();
    }

    private FlatBuffer HostLeaf => leaf!.Buffer ?? hostLeaf!;

    private FlatBuffer SumOf(FoldStep step) => Sum(step.Target).Flat.Buffer!;

    private FlatBuffer CopyToSum(FoldStep step, FlatBuffer gradient, long start, long end)
    {
        var copy = SumOf(step);
        ForParts(start, end, (first, count) => Copy(gradient, copy, first, count));
        return copy;
    }

    private FlatBuffer FoldLeaf(FoldStep step, long start, long end)
    {
        var gradient = OnHost(start, end);
        if (LeafTravels)
            return gradient;
        if (step.Addends.Count == 0)
            return CopyToSum(step, gradient, start, end);

        var right = gradient;
        foreach (var buffer in step.Addends)
        {
            var (left, addend) = (Sum(buffer).Flat.Buffer!, right);
            ForParts(start, end, (first, count) => AddInto(left, addend, first, count));
            right = left;
        }

        return right;
    }

    private FlatBuffer OnHost(long start, long end)
    {
        if (leaf!.Buffer is not null)
            return leaf.Buffer;
        var elementType = type == ScalarType.BFloat16 ? ElementType.BFloat16 : ElementType.Float32;
        hostLeaf ??= FlatBuffer.Allocate(layout.Length, elementType);
        for (var first = start; first < end; first += int.MaxValue / 4)
        {
            var count = (int)Math.Min(int.MaxValue / 4, end - first);
            using var range = leaf.Tensor.narrow(0, first, count);
            using var host = range.cpu();
            host.bytes.CopyTo(hostLeaf.Bytes(first, count));
        }

        return hostLeaf;
    }

    private (FlatTensor Flat, ParameterViews Views) Sum(FoldBuffer buffer)
    {
        if (sums.TryGetValue(buffer, out var sum))
            return sum;
        if (!unused.TryPop(out sum))
        {
            var flat = new FlatTensor(VocabularyPadding.PaddedLength(layout), ScalarType.Float32, CPU);
            sum = (flat, new ParameterViews(flat, layout));
        }

        sums.Add(buffer, sum);
        return sum;
    }

    private void ForParts(long start, long end, Action<long, int> body)
    {
        var parts = (int)((end - start + PartElements - 1) / PartElements);
        team.For(parts, 1, (from, to) =>
        {
            for (var part = from; part < to; part++)
            {
                var first = start + ((long)part * PartElements);
                body(first, (int)Math.Min(PartElements, end - first));
            }
        });
    }

    private static void Copy(FlatBuffer from, FlatBuffer into, long start, int count)
    {
        if (from.ElementType == ElementType.Float32)
            from.Floats(start, count).CopyTo(into.Floats(start, count));
        else
            VectorSum.Widen(from.BFloat16Bits(start, count), into.Floats(start, count));
    }

    private static void AddInto(FlatBuffer left, FlatBuffer right, long start, int count)
    {
        var sum = left.Floats(start, count);
        if (right.ElementType == ElementType.Float32)
            VectorSum.Add(sum, right.Floats(start, count), sum);
        else
            VectorSum.Add(sum, right.BFloat16Bits(start, count), sum);
    }
}
