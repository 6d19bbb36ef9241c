using Gpt2Cluster.Core.Memory;
using Gpt2Cluster.Core.Ports;

namespace Gpt2Cluster.Core.Checkpoints;

/// <summary>A snapshot in host memory: all of it is read from the replica at once.</summary>
public sealed class HostSnapshot : IReplicaSnapshot
{
    private readonly FlatBuffer?[] parts = new FlatBuffer?[Enum.GetValues<ReplicaPart>().Length];

    private HostSnapshot(long length, string? frozenHash) => (Length, FrozenHash) = (length, frozenHash);

    /// <inheritdoc/>
    public long Length { get; }

    /// <inheritdoc/>
    public string? FrozenHash { get; }

    /// <summary>Copies the parts that the optimizer has. Called on the replica's thread.</summary>
    /// <exception cref="OutOfMemoryException">There is no memory for all of them; none is taken.</exception>
    public static HostSnapshot Take(IReplicaState replica, IEnumerable<ReplicaPart> parts)
    {
        ArgumentNullException.ThrowIfNull(replica);
        ArgumentNullException.ThrowIfNull(parts);
        var snapshot = new HostSnapshot(replica.Length, replica.FrozenHash);
        try
        {
            foreach (var part in parts)
            {
                var values = FlatBuffer.Allocate(snapshot.Length);
                snapshot.parts[(int)part] = values;
                Copy(replica, part, values);
            }
        }
        catch
        {
            // There may be no memory for the next part, and the next attempt needs this one's.
            snapshot.Dispose();
            throw;
        }

        return snapshot;
    }

    /// <inheritdoc/>
    public bool Has(ReplicaPart part) => parts[(int)part] is not null;

    /// <inheritdoc/>
    public ReadOnlySpan<float> Read(ReplicaPart part, long start, int count)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, IReplicaSnapshot.MostElements);
        return parts[(int)part]!.Floats(start, count);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var values in parts)
            values?.Dispose();
    }

    private static void Copy(IReplicaState replica, ReplicaPart part, FlatBuffer into)
    {
        for (var start = 0L; start < into.Length; start += IReplicaSnapshot.MostElements)
        {
            var count = (int)Math.Min(IReplicaSnapshot.MostElements, into.Length - start);
            replica.Read(part, start, into.Floats(start, count));
        }
    }
}
