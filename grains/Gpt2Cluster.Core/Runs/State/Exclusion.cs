namespace Gpt2Cluster.Core.Runs.State;

/// <summary>Why the run does without a worker.</summary>
public enum ExclusionReason
{
    /// <summary>
    /// It would compute other bits, or has no memory for the run: trying again is no use while its silo's process is
    /// the same, and the cluster gives it to other runs.
    /// </summary>
    Unfit,

    /// <summary>It was in trouble too often: until it is not offered any more, or the run waits for workers.</summary>
    Troubled,

    /// <summary>Stripes do not pass between its silo and others: as long as for troubles.</summary>
    CutOff,

    /// <summary>A call to it failed on its way: for a while, if the run has enough others.</summary>
    OutOfReach,

    /// <summary>
    /// Its silo seems to have ended, though the cluster still offers it: until it does not; if it goes on doing so, the
    /// silo lives and is severed.
    /// </summary>
    Ended,

    /// <summary>
    /// Its disk still works at a checkpoint that is not waited for any more: it computes, and others write, until that
    /// one is written or for a while.
    /// </summary>
    DiskBusy,
}

/// <summary>A worker, or all of a silo, that the run does without.</summary>
/// <param name="Subject">The worker's key, or the silo's name for all of its workers.</param>
/// <param name="Incarnation">Of the silo's process: one that was started again is another one.</param>
/// <param name="Reason">Why.</param>
/// <param name="Until">When it is over; null if time alone does not end it.</param>
/// <param name="Report">What people are told if it turns out to last; null for nothing.</param>
public sealed record Exclusion(
    string Subject, string Incarnation, ExclusionReason Reason, TimeSpan? Until = null, string? Report = null)
{
    /// <summary>That of a member.</summary>
    public static Exclusion Of(RunMember member, ExclusionReason reason, TimeSpan? until = null) =>
        new(member.Key, member.Incarnation, reason, until);

    /// <summary>Whether it ends when the cluster does not offer the worker any more.</summary>
    public bool EndsWithTheOffer =>
        Reason is ExclusionReason.Troubled or ExclusionReason.CutOff or ExclusionReason.Ended;

    /// <summary>Whether a worker is meant.</summary>
    public bool Covers(OfferedWorker worker) =>
        Incarnation == worker.Incarnation && (Subject == worker.Key || Subject == worker.Silo);

    /// <inheritdoc cref="Covers(OfferedWorker)"/>
    public bool Covers(RunMember member) => Incarnation == member.Incarnation && Subject == member.Key;
}
