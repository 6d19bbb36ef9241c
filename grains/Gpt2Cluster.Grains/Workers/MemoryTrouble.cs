using System.Globalization;
using Gpt2Cluster.Core.Devices;
using Gpt2Cluster.Core.Memory;
using Gpt2Cluster.Core.Runs.Planning;
using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Grains.Workers;

/// <summary>A device or a machine that has no memory for a step: trying again would end the same way.</summary>
internal static class MemoryTrouble
{
    /// <summary>
    /// What happened, how much a worker takes where that is estimated, and what would take less.
    /// </summary>
    /// <param name="specification">Of its run, the class of its devices settled.</param>
    public static string Words(RunSpecification specification) =>
        $"there is no memory left{Takes(specification)}. {Advice.LessMemory(specification)}";

    private static string Takes(RunSpecification specification)
    {
        if (specification.Device is not { } kind)
            return "";
        var precision = specification.Precision ?? Precision.Float32;
        var demand = MemoryEstimate.DemandOf(specification, precision, siloCount: 1);
        var (bytes, place) = kind == DeviceKind.Cpu
            ? (MemoryEstimate.Of(demand).TotalBytes, "")
            : (CardMemoryEstimate.Of(demand).DeviceBytes, " of its card");
        return string.Create(
            CultureInfo.InvariantCulture, $"; a worker of this run takes about {bytes / 1e9:0.0} GB{place}");
    }
}
