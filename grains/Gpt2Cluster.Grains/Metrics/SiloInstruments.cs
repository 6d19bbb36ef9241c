using System.Diagnostics.Metrics;
using Gpt2Cluster.Grains.Placement;

namespace Gpt2Cluster.Grains.Metrics;

/// <summary>The instruments of a silo as a whole.</summary>
public sealed class SiloInstruments
{
    /// <summary>Makes the instruments; they read the silo when they are scraped.</summary>
    public SiloInstruments(IMeterFactory meters, SiloContext silo)
    {
        ArgumentNullException.ThrowIfNull(meters);
        var meter = meters.Create(RunInstruments.MeterName);
        meter.CreateObservableGauge(
            "gpt2cluster_silo_workers", () => silo.Replicas.Devices.Count, description: "Workers of this silo.");
        meter.CreateObservableGauge(
            "gpt2cluster_silo_live_tensors",
            () => silo.Replicas.LiveTensorCount,
            description: "Tensors alive in this process.");
        meter.CreateObservableGauge(
            "gpt2cluster_silo_resident_bytes", () => Environment.WorkingSet, description: "Memory this process holds.");
    }
}
