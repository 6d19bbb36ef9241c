using Gpt2Cluster.Core.Memory;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Grains.Checkpoints;

/// <summary>A copy of a replica between two steps, in host memory, to be written while training goes on.</summary>
internal sealed class ReplicaSnapshot : IDisposable
{
    /// <summary>Elements copied or written at once.</summary>
    public const int RangeElements = 1 << 20;

    private readonly FlatBuffer[] parts;

    private ReplicaSnapshot(FlatBuffer[] parts, string? frozenHash) =>
        (this.parts, FrozenHash) = (parts, frozenHash);

    /// <summary>Copies the parts that the optimizer has. Called on the compute thread.</summary>
    public static ReplicaSnapshot Take(IReplica replica, OptimizerKind optimizer)
    {
        var kinds = optimizer == OptimizerKind.AdamW ? Enum.GetValues<ReplicaPart>() : [ReplicaPart.Parameters];
        var parts = new List<FlatBuffer>();
        try
        {
            foreach (var kind in kinds)
            {
                parts.Add(FlatBuffer.Allocate(replica.Layout.Length));
                Copy(replica, kind, parts[^1]);
            }

            return new ReplicaSnapshot([.. parts], replica.FrozenHash);
        }
        catch
        {
            // There may be no memory for the next part, and the next attempt needs this one's.
            parts.ForEach(part => part.Dispose());
            throw;
        }
    }

    private static void Copy(IReplica replica, ReplicaPart part, FlatBuffer into)
    {
        for (var start = 0L; start < replica.Layout.Length; start += RangeElements)
        {
            var count = (int)Math.Min(RangeElements, replica.Layout.Length - start);
            replica.Read(part, start, into.Floats(start, count));
        }
    }

    /// <summary>The hash of the frozen parameters, which are no part of it; null where there are none.</summary>
    public string? FrozenHash { get; }

    /// <summary>Elements of each part.</summary>
    public long Length => parts[0].Length;

    /// <summary>Whether the optimizer has this part.</summary>
    public bool Has(ReplicaPart part) => (int)part < parts.Length;

    /// <summary>Elements of a part that <see cref="Has"/> says is here.</summary>
    public ReadOnlySpan<float> Range(ReplicaPart part, long start, int count) => parts[(int)part].Floats(start, count);

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var part in parts)
            part.Dispose();
    }
}
