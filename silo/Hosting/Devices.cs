using Gpt2Cluster.Core.Ports;

namespace Gpt2Cluster.Silo.Hosting;

/// <summary>Opens the devices that <c>--devices</c> names.</summary>
public static class Devices
{
    /// <summary>Makes the factory of replicas on the wished devices.</summary>
    /// <param name="wish"><c>auto</c>, <c>cpu</c>, <c>cpu:N</c>, <c>cuda</c> or <c>cuda:0,1</c>.</param>
    public static IReplicaFactory Open(string wish) => new PendingReplicaFactory(wish);
}
