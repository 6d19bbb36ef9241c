namespace Gpt2Cluster.Contracts.Runs.Events;

/// <summary>The words of <see cref="EndEvent.Status"/>.</summary>
public static class EndStatus
{
    /// <summary>All steps are done.</summary>
    public const string Completed = "completed";

    /// <summary>Paused with a checkpoint; may be resumed.</summary>
    public const string Paused = "paused";

    /// <summary>Ended by <c>cancel</c>, with a checkpoint.</summary>
    public const string Cancelled = "cancelled";

    /// <summary>Ended by a fault.</summary>
    public const string Failed = "failed";

    /// <summary>Validation had not improved for the number of times the specification gives.</summary>
    public const string EarlyStopped = "early_stopped";
}
