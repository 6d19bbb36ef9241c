using Gpt2Cluster.Core.Devices;
using Gpt2Cluster.Simulator.Disk;

namespace Gpt2Cluster.Simulator.Silos;

/// <summary>A computer with a disk, on which one silo after the other lives under the same name.</summary>
/// <param name="name">The silos' name.</param>
/// <param name="deviceCount">Workers of each of its silos.</param>
/// <param name="disk">What outlives its silos.</param>
internal sealed class Machine(string name, int deviceCount, SimulatedDisk disk)
{
    /// <summary>The silos' name.</summary>
    public string Name => name;

    /// <summary>Workers of each of its silos.</summary>
    public int DeviceCount => deviceCount;

    /// <summary>What outlives its silos; another one after it was replaced.</summary>
    public SimulatedDisk Disk { get; set; } = disk;

    /// <summary>What its workers compute on: processors, or cards of one model.</summary>
    public DeviceKind Kind { get; init; }

    /// <summary>How much slower than others its devices are.</summary>
    public double Slowness { get; init; } = 1;

    /// <summary>The silo that lives there; null while none does.</summary>
    public Silo? Silo { get; set; }

    /// <summary>Lives so far.</summary>
    public int LifeCount { get; set; }

    /// <summary>Whether a supervisor starts its silo again.</summary>
    public bool IsSupervised { get; set; } = true;
}
