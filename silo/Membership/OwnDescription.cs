using Gpt2Cluster.Contracts.Cluster;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Grains.Placement;

namespace Gpt2Cluster.Silo.Membership;

/// <summary>This silo as the cluster knows it.</summary>
public sealed class OwnDescription(SiloContext silo, ILocalSiloDetails self)
{
    /// <summary>Its name.</summary>
    public SiloName Name => silo.Name;

    /// <summary>Tells its lives apart.</summary>
    public string Incarnation => self.SiloAddress.ToParsableString();

    /// <summary>Describes it.</summary>
    /// <param name="isLeaving">Whether it is to stop.</param>
    public SiloDescription Describe(bool isLeaving) => new()
    {
        Name = silo.Name,
        StripeHost = silo.AdvertisedHost,
        StripePort = silo.Stripes.Port,
        HttpAddress = silo.HttpAddress,
        DataFolderId = silo.DataFolderId,
        FreeDiskBytes = new DriveInfo(silo.DataFolder).AvailableFreeSpace,
        MachineMemoryBytes = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes,
        MachineCores = Environment.ProcessorCount,
        MachineName = silo.MachineName,
        Incarnation = Incarnation,
        IsLeaving = isLeaving,
        DeviceNotice = silo.DeviceNotice,
        Workers = [.. silo.Replicas.Devices.Select(device => new WorkerDescription
        {
            SiloName = silo.Name,
            DeviceIndex = device.Index,
            Kind = device.Kind,
            Name = device.Name,
            Cores = device.Cores,
            BFloat16IsFast = device.BFloat16IsFast,
            Class = device.Class,
            SpeedRank = device.SpeedRank,
            CardMemoryBytes = device.Card?.MemoryBytes ?? 0,
        })],
    };
}
