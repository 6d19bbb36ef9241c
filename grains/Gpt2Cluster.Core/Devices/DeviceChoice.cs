using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Core.Devices;

/// <summary>A worker's device, as the choice of a run's class looks at it.</summary>
/// <param name="Kind">Processor or card.</param>
/// <param name="Class">What devices share that may compute the same bits; empty if nobody knows.</param>
/// <param name="BFloat16IsFast">Whether bf16 is the better default on it.</param>
/// <param name="SpeedRank">Greater is faster among devices of one kind.</param>
public readonly record struct AvailableDevice(DeviceKind Kind, string Class, bool BFloat16IsFast, int SpeedRank);

/// <summary>The class of devices that serves a run.</summary>
/// <param name="Kind">Processors or cards.</param>
/// <param name="Class">Their class; null for all of the kind, as a run takes them that is not exact.</param>
/// <param name="Precision">The better default on them.</param>
public sealed record ChosenDevices(DeviceKind Kind, string? Class, Precision Precision);

/// <summary>
/// Which class of devices serves a run: the fastest that has the run's least number of workers, whoever reports first
/// and whatever else is in the cluster.
/// </summary>
public static class DeviceChoice
{
    /// <summary>Chooses.</summary>
    /// <param name="devices">All workers of the cluster that stay, whomever they serve.</param>
    /// <param name="wish"><c>--device</c>; null for <c>auto</c>.</param>
    /// <param name="least">The run's least number of workers, 1 or more.</param>
    /// <param name="isExact">Whether all workers of the run must be of one class.</param>
    /// <returns>Null while no class has enough workers.</returns>
    public static ChosenDevices? Choose(
        IEnumerable<AvailableDevice> devices, DeviceKind? wish, int least, bool isExact)
    {
        var classes = from device in devices
                      where wish is null || device.Kind == wish
                      group device by (device.Kind, Class: isExact ? device.Class : null) into members
                      where members.Count() >= least
                      orderby
                          members.Key.Kind descending,
                          members.All(member => member.BFloat16IsFast) descending,
                          members.Max(member => member.SpeedRank) descending,
                          members.Count() descending,
                          members.Key.Class
                      select members;
        return classes.FirstOrDefault() is not { } fastest ? null : new ChosenDevices(
            fastest.Key.Kind,
            fastest.Key.Class,
            fastest.All(member => member.BFloat16IsFast) ? Precision.BFloat16 : Precision.Float32);
    }
}
