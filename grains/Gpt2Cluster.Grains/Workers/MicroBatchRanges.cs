using Gpt2Cluster.Contracts.Workers;
using Gpt2Cluster.Core.Reduction;

namespace Gpt2Cluster.Grains.Workers;

/// <summary>Ranges of micro-batches as Core and as messages name them.</summary>
internal static class MicroBatchRanges
{
    /// <summary>As a message carries them.</summary>
    public static MicroBatchRange[] ToWire(IEnumerable<LeafRange> ranges) =>
        [.. ranges.Select(range => new MicroBatchRange(range.First, range.End))];

    /// <summary>As Core takes them.</summary>
    public static LeafRange[] FromWire(IEnumerable<MicroBatchRange> ranges) =>
        [.. ranges.Select(range => new LeafRange(range.First, range.End))];
}
