namespace Gpt2Cluster.Simulator.Schedules;

/// <summary>
/// A cluster with one deliberate mistake: it shows that the simulator finds such mistakes. <see cref="None"/> is the
/// one that counts.
/// </summary>
internal enum Mutant
{
    /// <summary>No mistake.</summary>
    None,

    /// <summary>Records are stored whatever was stored since: two coordinators overwrite each other.</summary>
    EtagIgnored,

    /// <summary>The list of events takes what a coordinator appends that is not the one any more.</summary>
    EventsUnfenced,

    /// <summary>A worker finishes an old plan under a new generation and reports it as if it were of now.</summary>
    OldPlanReported,

    /// <summary>What a sum is added to first depends on what came before, not on the canonical tree alone.</summary>
    RunningSum,

    /// <summary>Nobody hears that a stripe connection broke: what was on it is not sent again.</summary>
    BreaksSilently,

    /// <summary>A copied replica is not compared with its source's step and hash.</summary>
    CopyUnchecked,

    /// <summary>A checkpoint has its name before it is flushed.</summary>
    PublishedBeforeFlushed,

    /// <summary>A checkpoint is loaded without being compared with its manifest's hashes.</summary>
    CheckpointUnverified,

    /// <summary>Checkpoints that are kept are removed as if they had expired.</summary>
    KeptDeleted,

    /// <summary>A replica whose update failed half way counts as whole.</summary>
    HalfAnUpdateKept,
}
