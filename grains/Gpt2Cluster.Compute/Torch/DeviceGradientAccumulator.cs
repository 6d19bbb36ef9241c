using Gpt2Cluster.Compute.Memory;
using Gpt2Cluster.Compute.Training;
using Gpt2Cluster.Core.Memory;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Reduction;
using static TorchSharp.torch;

namespace Gpt2Cluster.Compute.Torch;

/// <summary>
/// Gradients and sums in a device's memory: they are folded there, one IEEE addition an element as on a processor, and
/// nothing goes to the host before a contribution is complete, and then once.
/// </summary>
internal sealed class DeviceGradientAccumulator(
    ParameterLayout layout, TensorMemory memory, ScalarType type, IHostCopies hostCopies)
    : GradientAccumulator(layout, memory, type)
{
    private readonly ScalarType leafType = type;
    private readonly Dictionary<FoldBuffer, FlatBuffer> copies = [];
    private FlatBuffer? leafCopy;

    /// <inheritdoc/>
    protected override bool SumsTakeGradients { get; } = type == ScalarType.Float32;

    /// <inheritdoc/>
    public override void Dispose()
    {
        hostCopies.Abandon();
        foreach (var copy in copies.Values)
            copy.Dispose();
        leafCopy?.Dispose();
        base.Dispose();
    }

    /// <inheritdoc/>
    protected override void CopyToSum(FoldStep step, long start, long end)
    {
        using var scope = NewDisposeScope();
        memory.Operators.Copy(
            Leaf.Tensor.narrow(0, start, end - start), SumOf(step.Target).Tensor.narrow(0, start, end - start));
    }

    /// <inheritdoc/>
    protected override void AddInto(FlatTensor left, FlatTensor right, long start, long end)
    {
        using var scope = NewDisposeScope();
        memory.Operators.AddTo(
            left.Tensor.narrow(0, start, end - start), right.Tensor.narrow(0, start, end - start));
    }

    /// <inheritdoc/>
    protected override void HandOver(FoldStep step, long start, long end, IContributionSink sink)
    {
        var (from, copy) = Travelling(step);
        hostCopies.Send(from.Tensor, copy, start, end, () => sink.Contribute(step.Result, copy, start, end));
    }

    /// <inheritdoc/>
    protected override FlatBuffer ContributedAgain(FoldStep step)
    {
        var (from, copy) = Travelling(step);
        hostCopies.Send(from.Tensor, copy, 0, Layout.Length, () => { });
        hostCopies.WaitForCopies();
        return copy;
    }

    /// <inheritdoc/>
    protected override void WaitForCopies() => hostCopies.WaitForCopies();

    /// <inheritdoc/>
    protected override void Abandon() => hostCopies.Abandon();

    private (FlatTensor From, FlatBuffer Copy) Travelling(FoldStep step) =>
        LeafTravels ? (Leaf, LeafCopy()) : (SumOf(step.Target), CopyOf(step.Target));

    private FlatBuffer LeafCopy() => leafCopy ??= hostCopies.Allocate(
        Layout.Length, leafType == ScalarType.BFloat16 ? ElementType.BFloat16 : ElementType.Float32);

    private FlatBuffer CopyOf(FoldBuffer buffer)
    {
        if (!copies.TryGetValue(buffer, out var copy))
            copies.Add(buffer, copy = hostCopies.Allocate(Layout.Length, ElementType.Float32));
        return copy;
    }
}
