using Orleans;

namespace Gpt2Cluster.Core.Reduction;

/// <summary>Contiguous micro-batches, windows or samples.</summary>
/// <param name="First">The first index.</param>
/// <param name="End">The index after the last; equal to the first for none.</param>
[GenerateSerializer, Immutable, Alias("gpt2.leaf-range.v1")]
public readonly record struct LeafRange(int First, int End)
{
    /// <summary>How many there are.</summary>
    public int Count => End - First;

    /// <inheritdoc/>
    public override string ToString() => $"{First}..{End}";
}
