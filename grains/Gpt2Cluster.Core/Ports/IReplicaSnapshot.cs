namespace Gpt2Cluster.Core.Ports;

/// <summary>
/// A replica's trained parameters and moments as they stood between two steps, to be read while training goes on: on
/// any thread, by one reader at a time, also after the replica was disposed.
/// </summary>
public interface IReplicaSnapshot : IDisposable
{
    /// <summary>Elements that <see cref="Read"/> gives at once, at most.</summary>
    const int MostElements = 1 << 20;

    /// <summary>Elements of each part.</summary>
    long Length { get; }

    /// <summary>The hash of the frozen parameters, which are no part of it; null where there are none.</summary>
    string? FrozenHash { get; }

    /// <summary>Whether the optimizer has this part.</summary>
    bool Has(ReplicaPart part);

    /// <summary>fp32 elements of a part, as they are until the next call.</summary>
    /// <param name="part">One that <see cref="Has"/> says is here.</param>
    /// <param name="start">Index of the first element in the trained layout.</param>
    /// <param name="count">0 to <see cref="MostElements"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException">The range leaves the part, or is longer.</exception>
    ReadOnlySpan<float> Read(ReplicaPart part, long start, int count);
}
