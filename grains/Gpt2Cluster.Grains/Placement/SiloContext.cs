using Gpt2Cluster.Core.Housekeeping;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Ports;

namespace Gpt2Cluster.Grains.Placement;

/// <summary>What the grains of one silo know about the process they live in; one per silo.</summary>
public sealed record SiloContext
{
    /// <summary>The silo's name, the first segment of its pinned grains' keys.</summary>
    public required SiloName Name { get; init; }

    /// <summary>The id of its cluster.</summary>
    public string ClusterId { get; init; } = "";

    /// <summary>The data folder, absolute.</summary>
    public required string DataFolder { get; init; }

    /// <summary>Names the data folder: silos with the same one share their disk.</summary>
    public required string DataFolderId { get; init; }

    /// <summary>Name of the machine: silos on one machine share its cores.</summary>
    public required string MachineName { get; init; }

    /// <summary>Address other silos reach this one at.</summary>
    public required string AdvertisedHost { get; init; }

    /// <summary>Where the pages and metrics are, such as <c>127.0.0.1:8080</c>.</summary>
    public required string HttpAddress { get; init; }

    /// <summary>Orleans' port between silos.</summary>
    public required int SiloPort { get; init; }

    /// <summary>Orleans' port for clients.</summary>
    public required int GatewayPort { get; init; }

    /// <summary>Makes replicas on this silo's devices.</summary>
    public required IReplicaFactory Replicas { get; init; }

    /// <summary>What whoever starts it should know of this machine's devices; null for nothing.</summary>
    public string? DeviceNotice { get; init; }

    /// <summary>
    /// What nobody has used or named for so long the silo removes from its disk by itself; null for never.
    /// </summary>
    public TimeSpan? UnusedAge { get; init; } = Unused.DefaultAge;

    /// <summary>Carries the stripes.</summary>
    public required IStripeChannel Stripes { get; init; }
}
