namespace Gpt2Cluster.Core.Runs.State;

/// <summary>A checkpoint that is being written.</summary>
/// <param name="Command">The order.</param>
/// <param name="BegunAt">When it was ordered.</param>
/// <param name="SentAt">When the order was last sent.</param>
public sealed record WriteInFlight(WriteCheckpoint Command, TimeSpan BegunAt, TimeSpan SentAt);

/// <summary>A checkpoint that is being copied to another disk.</summary>
/// <param name="Command">The order.</param>
/// <param name="SentAt">When it was ordered.</param>
public sealed record CopyInFlight(CopyCheckpoint Command, TimeSpan SentAt);

/// <summary>What goes on about checkpoints beside the run's phases.</summary>
public sealed record Checkpointing
{
    /// <summary>The checkpoint that is being written; null if none is.</summary>
    public WriteInFlight? Writing { get; init; }

    /// <summary>Whether a checkpoint was due while another was being written.</summary>
    public bool IsDue { get; init; }

    /// <summary>Checkpoints that could not be written since one was; each goes to the next member's disk.</summary>
    public int FailedWriteCount { get; init; }

    /// <summary>The checkpoint that is being copied; null if none is.</summary>
    public CopyInFlight? Copying { get; init; }

    /// <summary>Copies that failed since one succeeded.</summary>
    public int FailedCopyCount { get; init; }

    /// <summary>No copy is ordered before this time.</summary>
    public TimeSpan CopyNotBefore { get; init; }

    /// <summary>The step of a checkpoint that is waited for, as its disk cannot be reached; null for none.</summary>
    public long? Missing { get; init; }
}
