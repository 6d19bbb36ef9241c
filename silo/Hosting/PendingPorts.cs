using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Silo.Hosting;

/// <summary>Stands for the compute engine until it is composed: one device that cannot compute.</summary>
internal sealed class PendingReplicaFactory(string wish) : IReplicaFactory
{
    public IReadOnlyList<Device> Devices { get; } = [new(0, "cpu", $"none ({wish})", Environment.ProcessorCount, false)];

    public long LiveTensorCount => 0;

    public ComputeProfile Profile(int deviceIndex, Precision precision, int threads) => throw Missing();

    public IReplica Create(int deviceIndex, ReplicaOptions options) => throw Missing();

    private static NotSupportedException Missing() => new("This silo was built without a compute engine.");
}
