using Gpt2Cluster.Core.Devices;

namespace Gpt2Cluster.Grains.Cluster;

/// <summary>Which workers may serve a run by their device.</summary>
/// <param name="Kind">
/// <c>cpu</c> or <c>cuda</c>; <c>auto</c> while no class has enough workers, so that none is taken; null for any, as
/// runs of before there were classes say it.
/// </param>
/// <param name="Class">Their class; null for all of the kind.</param>
public readonly record struct DeviceDemand(string? Kind, string? Class)
{
    /// <summary>Whether a worker with this device may serve it.</summary>
    public bool Takes(DeviceKind kind, string? deviceClass) => Kind is null
        || (Kind != DeviceKinds.Auto && Kind == kind.Word() && (Class is null || Class == (deviceClass ?? "")));
}
