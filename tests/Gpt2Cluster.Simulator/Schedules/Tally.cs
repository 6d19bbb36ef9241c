namespace Gpt2Cluster.Simulator.Schedules;

/// <summary>What a schedule does to a cluster.</summary>
internal enum Fault
{
    /// <summary>A message never arrived.</summary>
    MessageLost,

    /// <summary>A message arrived twice.</summary>
    MessageRepeated,

    /// <summary>A message was late.</summary>
    MessageDelayed,

    /// <summary>A range of a replica was damaged on its way.</summary>
    RangeDamaged,

    /// <summary>A stripe connection broke with what was on it.</summary>
    ConnectionBroken,

    /// <summary>A silo was killed; a supervisor starts it again, with its disk and without its replicas.</summary>
    SiloKilled,

    /// <summary>The silo of the coordinator was killed.</summary>
    CoordinatorKilled,

    /// <summary>All silos were killed at once.</summary>
    AllKilled,

    /// <summary>A silo was stopped for a while and woke up with old messages.</summary>
    SiloFrozen,

    /// <summary>Silos were cut off from others, or from the store, both ways.</summary>
    Partitioned,

    /// <summary>The same, one way.</summary>
    PartitionedOneWay,

    /// <summary>A silo that lives was declared dead.</summary>
    FalselyDeclaredDead,

    /// <summary>The directory forgot where the coordinator is: two of them act.</summary>
    CoordinatorDoubled,

    /// <summary>A worker's silo left in good order.</summary>
    SiloLeft,

    /// <summary>A silo came that was not there before.</summary>
    SiloJoined,

    /// <summary>The store did not answer for a while.</summary>
    StoreAway,

    /// <summary>The store lost everything; the run was submitted again.</summary>
    StoreLost,

    /// <summary>A disk took no more bytes for a while.</summary>
    DiskFull,

    /// <summary>A disk answered nothing for a while; what was being written to it went on then.</summary>
    DiskHung,

    /// <summary>A power cut: what was not flushed is lost or half there.</summary>
    DiskTorn,

    /// <summary>A file of a checkpoint was damaged.</summary>
    FileDamaged,

    /// <summary>A machine came back with an empty disk.</summary>
    DiskReplaced,

    /// <summary>Somebody asked for a pause.</summary>
    PauseAsked,

    /// <summary>Somebody asked for a cancellation.</summary>
    CancelAsked,

    /// <summary>A device failed between two micro-batches, or in the middle of an update.</summary>
    DeviceFailed,

    /// <summary>A gradient was not finite.</summary>
    NotFinite,
}

/// <summary>Counts faults.</summary>
internal sealed class Tally
{
    private readonly long[] counts = new long[Enum.GetValues<Fault>().Length];

    /// <summary>How often each happened.</summary>
    public long this[Fault fault] => counts[(int)fault];

    /// <summary>One more.</summary>
    public void Count(Fault fault) => counts[(int)fault]++;

    /// <summary>Whether no other fault happened than these.</summary>
    public bool IsOnly(IReadOnlyList<Fault> faults)
    {
        for (var index = 0; index < counts.Length; index++)
        {
            if (counts[index] > 0 && !faults.Contains((Fault)index))
                return false;
        }

        return true;
    }

    /// <summary>Adds another tally's counts.</summary>
    public void Add(Tally other)
    {
        for (var index = 0; index < counts.Length; index++)
            counts[index] += other.counts[index];
    }
}
