using Gpt2Cluster.Compute.Memory;
using Gpt2Cluster.Compute.Training;
using Gpt2Cluster.Core.Memory;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Reduction;
using static TorchSharp.torch;

namespace Gpt2Cluster.Compute.Torch;

/// <summary>
/// Gradients and sums in a device's memory: they are folded there, one IEEE addition an element as on a processor, and
/// nothing goes to the host before a contribution is complete, and then once.
/// </summary>
internal sealed class DeviceGradientAccumulator(ParameterLayout layout, TensorMemory memory, ScalarType type)
    : GradientAccumulator(layout, memory, type)
{
    private const int CopiedElements = 1 << 28;

    private readonly ScalarType leafType = type;
    private readonly Dictionary<FoldBuffer, FlatBuffer> copies = [];
    private FlatBuffer? leafCopy;

    /// <inheritdoc/>
    protected override bool SumsTakeGradients { get; } = type == ScalarType.Float32;

    /// <inheritdoc/>
    public override void Dispose()
    {
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
    protected override FlatBuffer Contributed(FoldStep step, long start, long end)
    {
        var (from, copy) = LeafTravels ? (Leaf, LeafCopy()) : (SumOf(step.Target), CopyOf(step.Target));
        for (var first = start; first < end; first += CopiedElements)
        {
            using var scope = NewDisposeScope();
            var count = (int)Math.Min(CopiedElements, end - first);
            memory.Operators.Read(from.Tensor.narrow(0, first, count), copy, first, count, HostRead.Gradients);
        }

        return copy;
    }

    /// <inheritdoc/>
    protected override FlatBuffer ContributedAgain(FoldStep step) => Contributed(step, 0, Layout.Length);

    private FlatBuffer LeafCopy() => leafCopy ??= FlatBuffer.Allocate(
        Layout.Length, leafType == ScalarType.BFloat16 ? ElementType.BFloat16 : ElementType.Float32);

    private FlatBuffer CopyOf(FoldBuffer buffer)
    {
        if (!copies.TryGetValue(buffer, out var copy))
            copies.Add(buffer, copy = FlatBuffer.Allocate(Layout.Length));
        return copy;
    }
}
