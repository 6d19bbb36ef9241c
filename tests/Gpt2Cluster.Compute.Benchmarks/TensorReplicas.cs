using Gpt2Cluster.Compute.Torch;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Specification;
using static TorchSharp.torch;
using Device = Gpt2Cluster.Core.Ports.Device;

namespace Gpt2Cluster.Compute.Benchmarks;

/// <summary>
/// Replicas on this processor that compute as on a card: by the torch backend, into whose memory nobody sees.
/// </summary>
internal sealed class TensorReplicas : IReplicaFactory
{
    private readonly ReplicaFactory own = new(ReplicaFactory.CpuAsCard());

    /// <inheritdoc/>
    public IReadOnlyList<Device> Devices => own.Devices;

    /// <inheritdoc/>
    public long LiveTensorCount => own.LiveTensorCount;

    /// <inheritdoc/>
    public ComputeProfile Profile(int deviceIndex, Precision precision, int threads) =>
        own.Profile(deviceIndex, precision, threads);

    /// <inheritdoc/>
    public IReplica Create(int deviceIndex, ReplicaOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return new Replica(options, new TorchBackend(options.Precision, options.Threads, CPU));
    }
}

/// <summary>What would compute.</summary>
/// <param name="Name">The processor's or card's name.</param>
/// <param name="Class">What devices of the same bits have in common.</param>
/// <param name="Torch">libtorch's version, as TorchSharp knows it.</param>
/// <param name="Copies">How fast bytes come to a card and back; null for a processor.</param>
internal sealed record DeviceReport(string Name, string Class, string Torch, CopyRates? Copies)
{
    /// <summary>Of the first device.</summary>
    public static DeviceReport Of(IReplicaFactory factory)
    {
        if (factory.Devices.Count == 0)
            throw new InvalidOperationException("libtorch sees no card here.");
        var device = factory.Devices[0];
        return new DeviceReport(device.Name, device.Class, __version__, CopyRates.Measure(device));
    }
}
