using Gpt2Cluster.Core.Memory;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Reduction;

namespace Gpt2Cluster.Compute.Benchmarks;

/// <summary>The only leaf is the root, so that its buffer holds the whole gradient at the end.</summary>
internal sealed class LastSums : IContributionSink
{
    /// <summary>The gradient; null before the first range.</summary>
    public FlatBuffer? Buffer { get; private set; }

    /// <summary>When the micro-batch was over, for who sets it.</summary>
    public long Until { get; set; }

    /// <inheritdoc/>
    public void Contribute(Subtree subtree, FlatBuffer sums, long start, long end) => Buffer = sums;
}
