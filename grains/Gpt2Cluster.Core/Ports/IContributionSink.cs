using Gpt2Cluster.Core.Memory;
using Gpt2Cluster.Core.Reduction;

namespace Gpt2Cluster.Core.Ports;

/// <summary>Takes the sums of finished subtrees while the backward pass goes on.</summary>
public interface IContributionSink
{
    /// <summary>
    /// Whether it takes sums; if not, they stay where they lie (<see cref="IReplica.AverageAlone"/>).
    /// </summary>
    bool TakesSums => true;

    /// <summary>
    /// The elements from <paramref name="start"/> up to <paramref name="end"/> of the subtree's sum are final. Called
    /// while <see cref="IReplica.ComputeMicroBatch"/> or <see cref="IReplica.ExtendStep"/> runs, one call at a time, on
    /// the compute thread or one that watches a device's copies; must not block on the network. The buffer stays as it
    /// is until the next step begins.
    /// </summary>
    void Contribute(Subtree subtree, FlatBuffer sums, long start, long end);
}

/// <summary>Takes nothing: nobody but the replica itself needs the sums.</summary>
public sealed class NoContributions : IContributionSink
{
    private NoContributions()
    {
    }

    /// <summary>The only one.</summary>
    public static NoContributions Sink { get; } = new();

    /// <inheritdoc/>
    public bool TakesSums => false;

    /// <inheritdoc/>
    public void Contribute(Subtree subtree, FlatBuffer sums, long start, long end) =>
        throw new InvalidOperationException("Nobody takes the sums of this step.");
}
