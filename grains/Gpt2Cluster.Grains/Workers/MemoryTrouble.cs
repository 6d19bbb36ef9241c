using System.Globalization;
using Gpt2Cluster.Core.Devices;
using Gpt2Cluster.Core.Memory;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Grains.Workers;

/// <summary>A device or a machine that has no memory for a step: trying again would end the same way.</summary>
internal static class MemoryTrouble
{
    /// <summary>
    /// What happened, how much a worker takes where that is estimated, and what would take less.
    /// </summary>
    public static string Words(string phase, RunSpecification specification)
    {
        var takes = specification.Device == DeviceKind.Cpu ? Takes(specification) : "";
        return $"{phase} failed: there is no memory left{takes}. {Advice.LessMemory(specification)}";
    }

    private static string Takes(RunSpecification specification)
    {
        var precision = specification.Precision ?? Precision.Float32;
        var bytes = MemoryEstimate.Of(MemoryEstimate.DemandOf(specification, precision, siloCount: 1)).TotalBytes;
        return string.Create(
            CultureInfo.InvariantCulture, $"; a worker of this run takes about {bytes / 1e9:0.0} GB");
    }
}
