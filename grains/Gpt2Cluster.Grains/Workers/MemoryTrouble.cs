using System.Globalization;
using Gpt2Cluster.Core.Memory;
using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Grains.Workers;

/// <summary>A device or a machine that has no memory for a step: trying again would end the same way.</summary>
internal static class MemoryTrouble
{
    /// <summary>What happened, how much a worker takes, and what would take less.</summary>
    public static string Words(string phase, RunSpecification specification)
    {
        var precision = specification.Precision ?? Precision.Float32;
        var bytes = MemoryEstimate.Of(MemoryEstimate.DemandOf(specification, precision, siloCount: 1)).TotalBytes;
        var gigabytes = (bytes / 1e9).ToString("0.0", CultureInfo.InvariantCulture);
        return $"{phase} failed: there is no memory left; a worker of this run takes about {gigabytes} GB. What takes "
            + $"less: a smaller --batch-size (now {specification.BatchSize}), --recompute, or --train lora:8";
    }
}
