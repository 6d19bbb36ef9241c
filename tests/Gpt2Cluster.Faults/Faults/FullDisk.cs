using Gpt2Cluster.Faults.Processes;

namespace Gpt2Cluster.Faults.Faults;

/// <summary>
/// The disks for checkpoints are full until a checkpoint could not be written: training goes on, and a warning says so.
/// </summary>
internal sealed class FullDisk() : Fault("full-disk", Victim.Whole)
{
    /// <inheritdoc/>
    public override Ground Ground => Ground.SmallDisks;

    /// <inheritdoc/>
    public override bool IsOutlived(Cluster cluster, Silo target) => true;

    /// <inheritdoc/>
    public override void Begin(Cluster cluster, Silo target)
    {
        foreach (var disk in cluster.Disks)
            disk.Fill();
    }

    /// <inheritdoc/>
    public override bool IsTold(IEnumerable<string> warnings) =>
        warnings.Any(warning => warning.Contains("could not be written", StringComparison.Ordinal));

    /// <inheritdoc/>
    public override void End(Cluster cluster, Silo target)
    {
        foreach (var disk in cluster.Disks)
            disk.Clear();
    }
}
