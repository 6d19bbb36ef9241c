using System.Collections.Immutable;

namespace Gpt2Cluster.Core.Runs.State;

/// <summary>The cluster as it showed itself to the run last.</summary>
/// <param name="Offered">The workers that it offers.</param>
public sealed record ClusterOffer(ImmutableList<OfferedWorker> Offered)
{
    /// <summary>Workers of the run's class of devices, whomever they serve.</summary>
    public int WorkerCount { get; init; }

    /// <summary>Workers of other classes.</summary>
    public int OtherDeviceCount { get; init; }

    /// <summary>What the other runs have of the workers of the run's class.</summary>
    public IReadOnlyList<RunShare> OtherRuns { get; init; } = [];

    /// <summary>The disks of all silos.</summary>
    public IReadOnlyList<SiloDisk> Disks { get; init; } = [];
}
