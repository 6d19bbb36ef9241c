using Gpt2Cluster.Contracts.Cluster;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Runs;

namespace Gpt2Cluster.Grains.Cluster;

/// <summary>
/// What the cluster keeps in the store: its runs and who serves them. Silos and workers introduce themselves anew.
/// </summary>
[GenerateSerializer, Alias("gpt2.cluster-record.v1")]
public sealed class ClusterRecord
{
    /// <summary>The runs by name.</summary>
    [Id(0)]
    public Dictionary<RunName, RunEntry> Runs { get; set; } = [];

    /// <summary>Run by worker: a list that is begun anew takes no worker from a run that lives.</summary>
    [Id(1)]
    public Dictionary<WorkerId, RunName> Assignment { get; set; } = [];

    /// <summary>
    /// The lives of each name that people have deleted: silos that were away ask what they are to remove.
    /// </summary>
    [Id(2)]
    public Dictionary<RunName, string[]> Deleted { get; set; } = [];
}

/// <summary>One run in the cluster's list.</summary>
/// <param name="Summary">How it stood when it last said so.</param>
/// <param name="WorkersAtLeast">Workers it needs to begin.</param>
/// <param name="WorkersAtMost">Workers it takes at most.</param>
/// <param name="Refused">Workers it cannot use; null in records of before there were refusals.</param>
[GenerateSerializer, Immutable, Alias("gpt2.run-entry.v1")]
public sealed record RunEntry(
    [property: Id(0)] RunSummary Summary,
    [property: Id(1)] int WorkersAtLeast,
    [property: Id(2)] int WorkersAtMost,
    [property: Id(3)] RefusedWorker[]? Refused)
{
    /// <summary>Whether it has not come to its end: the store's restart brings it back.</summary>
    public bool IsUnfinished => Summary.Status.IsUnfinished();

    /// <summary>Whether it takes part in the assignment of workers.</summary>
    public bool WantsWorkers => !Summary.Status.IsAtRest();

    /// <summary>Which devices may serve it.</summary>
    /// <remarks>No property: the store would keep it, by a type that it cannot read back.</remarks>
    public DeviceDemand DevicesWanted() => new(Summary.Device, Summary.DeviceClass);

    /// <summary>Whether it is one of these lives of its name.</summary>
    public bool IsOneOf(IEnumerable<string>? lives) => lives?.Contains(Summary.Life ?? RunRecord.UnnamedLife) == true;

    /// <summary>Whether nothing but its progress differs.</summary>
    public bool WantsTheSameAs(RunEntry other) => Summary.Status == other?.Summary.Status
        && DevicesWanted() == other.DevicesWanted()
        && WorkersAtLeast == other.WorkersAtLeast && WorkersAtMost == other.WorkersAtMost
        && (Refused ?? []).SequenceEqual(other.Refused ?? []);
}
