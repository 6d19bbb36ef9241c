using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Faults.Network;
using Gpt2Cluster.Faults.Processes;

namespace Gpt2Cluster.Faults.Faults;

/// <summary>One fault at one point of one kind of cluster.</summary>
/// <param name="Store">The cluster's store.</param>
/// <param name="Ground">What the cluster stands on.</param>
/// <param name="Fault">What happens.</param>
/// <param name="Point">Where.</param>
/// <param name="StepsFromNow">In how many steps.</param>
internal sealed record Cell(StoreKind Store, Ground Ground, Fault Fault, FaultPoint Point, int StepsFromNow)
{
    /// <summary>How often the silo may come by before it is struck: a step passes some points many times.</summary>
    public int PassesBefore { get; init; }

    /// <summary>Why it cannot happen, here or ever; null if it can.</summary>
    public string? ReasonAgainst => Fault.ReasonAgainst(Store)
        ?? (Store == StoreKind.Redis && !RedisServer.IsInstalled ? "redis-server is not installed" : null)
        ?? Ground switch
        {
            Ground.Networks => SeparateNetworks.ReasonAgainst,
            Ground.SmallDisks => SmallDisk.ReasonAgainst,
            _ => null,
        };
}
