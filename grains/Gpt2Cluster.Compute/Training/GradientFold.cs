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
    private readonly List<(FlatTensor Flat, ParameterViews Views)> sums = [];
    private FlatTensor? leaf;
    private ParameterViews? leafViews;
    private FlatBuffer? hostLeaf;
    private FoldPlan? plan;
    private int leafCount;

    /// <summary>Folds gradients of the given type that lie on the given device.</summary>
    public GradientFold(ParameterLayout layout, ThreadTeam team, ScalarType type, TorchSharp.torch.Device device)
    {
        this.layout = layout;
        this.team = team;
        this.type = type;
        this.device = device;
    }

    private bool SumsTakeGradients => type == ScalarType.Float32 && device.type == TorchSharp.DeviceType.CPU;

    /// <summary>Plans a step in which this worker computes these leaves.</summary>
    public void Begin(int firstLeaf, int endLeaf, int leaves)
    {
        leafCount = leaves;
        plan = FoldPlan.For(new ReductionTree(leaves), firstLeaf, endLeaf);
    }

    /// <summary>The plan of one leaf, and where its gradient is to be written.</summary>
    /// <exception cref="InvalidOperationException">The leaf is not this worker's.</exception>
    public (FoldStep Step, ParameterViews Gradient) Open(int index)
    {
        var step = plan?.Steps.FirstOrDefault(step => step.Leaf == index)
            ?? throw new InvalidOperationException(
                $"Micro-batch {index} of {leafCount} is not among those this step was begun with.");
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
            ? Sum(step.Target).Flat.Buffer!
            : FoldLeaf(step, start, end);
        if (step.IsContribution)
            sink.Contribute(step.Result, sum, start, end);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var (flat, views) in sums)
        {
            views.Dispose();
            flat.Dispose();
        }

        leafViews?.Dispose();
        leaf?.Dispose();
        hostLeaf?.Dispose();
    }

    private FlatBuffer FoldLeaf(FoldStep step, long start, long end)
    {
        var gradient = OnHost(start, end);
        // Nothing else uses the leaf this step, so a lone bf16 gradient travels as it is: half the bytes.
        if (gradient.ElementType == ElementType.BFloat16 && plan!.Steps.Count == 1)
            return gradient;
        if (step.Addends.Count == 0)
        {
            var copy = Sum(step.Target).Flat.Buffer!;
            ForParts(start, end, (first, count) => Copy(gradient, copy, first, count));
            return copy;
        }

        var right = gradient;
        foreach (var index in step.Addends)
        {
            var (left, addend) = (Sum(index).Flat.Buffer!, right);
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

    private (FlatTensor Flat, ParameterViews Views) Sum(int index)
    {
        while (sums.Count <= index)
        {
            var flat = new FlatTensor(VocabularyPadding.PaddedLength(layout), ScalarType.Float32, CPU);
            sums.Add((flat, new ParameterViews(flat, layout)));
        }

        return sums[index];
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
