using Gpt2Cluster.Core.Ports;

namespace Gpt2Cluster.Compute.Torch;

/// <summary>A snapshot that lies on the device; its ranges come to the host when they are read.</summary>
/// <param name="copy">Of the parts, in their order; taken over.</param>
/// <param name="parts">Those that the optimizer has.</param>
/// <param name="length">Elements of each.</param>
/// <param name="frozenHash">The hash of the frozen parameters; null where there are none.</param>
internal sealed class DeviceSnapshot(
    IDeviceCopy copy, IReadOnlyList<ReplicaPart> parts, long length, string? frozenHash) : IReplicaSnapshot
{
    /// <inheritdoc/>
    public long Length { get; } = length;

    /// <inheritdoc/>
    public string? FrozenHash { get; } = frozenHash;

    /// <inheritdoc/>
    public bool Has(ReplicaPart part) => parts.Contains(part);

    /// <inheritdoc/>
    public ReadOnlySpan<float> Read(ReplicaPart part, long start, int count) =>
        copy.Read(Index(part), start, count);

    /// <inheritdoc/>
    public void Dispose() => copy.Dispose();

    private int Index(ReplicaPart part)
    {
        for (var index = 0; index < parts.Count; index++)
        {
            if (parts[index] == part)
                return index;
        }

        throw new ArgumentOutOfRangeException(nameof(part), part, "The optimizer does not have this part.");
    }
}
