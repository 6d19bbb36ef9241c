using Gpt2Cluster.Compute.Devices;
using Gpt2Cluster.Compute.Memory;
using Gpt2Cluster.Core.Memory;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Reduction;
using static TorchSharp.torch;

namespace Gpt2Cluster.Compute.Training;

/// <summary>
/// Gradients in the processor's memory. In fp32 one that has nothing to be added to is written where its sum lies; in
/// bf16 it is written into a leaf of its own and folded from there.
/// </summary>
internal sealed class HostGradientAccumulator(
    ParameterLayout layout, HostMemory memory, ScalarType type, ThreadTeam team)
    : GradientAccumulator(layout, memory, type)
{
    private const int PartElements = NormBlocks.BlockElements;

    /// <inheritdoc/>
    protected override bool SumsTakeGradients { get; } = type == ScalarType.Float32;

    /// <inheritdoc/>
    protected override void CopyToSum(FoldStep step, long start, long end)
    {
        var (from, into) = (Leaf.Buffer, SumOf(step.Target).Buffer);
        ForParts(start, end, (first, count) =>
        {
            if (from.ElementType == ElementType.Float32)
                from.Floats(first, count).CopyTo(into.Floats(first, count));
            else
                VectorSum.Widen(from.BFloat16Bits(first, count), into.Floats(first, count));
        });
    }

    /// <inheritdoc/>
    protected override void AddInto(FlatTensor left, FlatTensor right, long start, long end)
    {
        var (sums, addends) = (left.Buffer, right.Buffer);
        ForParts(start, end, (first, count) =>
        {
            var sum = sums.Floats(first, count);
            if (addends.ElementType == ElementType.Float32)
                VectorSum.Add(sum, addends.Floats(first, count), sum);
            else
                VectorSum.Add(sum, addends.BFloat16Bits(first, count), sum);
        });
    }

    /// <inheritdoc/>
    protected override void HandOver(FoldStep step, long start, long end, IContributionSink sink) =>
        sink.Contribute(step.Result, ContributedAgain(step), start, end);

    /// <inheritdoc/>
    protected override FlatBuffer ContributedAgain(FoldStep step) =>
        LeafTravels ? Leaf.Buffer : SumOf(step.Target).Buffer;

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
}
