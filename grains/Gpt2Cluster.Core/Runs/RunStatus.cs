using System.Text.Json;

namespace Gpt2Cluster.Core.Runs;

/// <summary>How a run stands, for people and for the store.</summary>
public enum RunStatus
{
    /// <summary>It waits for workers.</summary>
    Queued,

    /// <summary>Its workers make, load or copy their replicas.</summary>
    Preparing,

    /// <summary>It computes.</summary>
    Running,

    /// <summary>It rests and can be resumed.</summary>
    Paused,

    /// <summary>All steps are done.</summary>
    Completed,

    /// <summary>It was ended by request.</summary>
    Cancelled,

    /// <summary>It stopped for a reason that somebody has to look at; it can be resumed.</summary>
    Failed,

    /// <summary>Validation did not get better any more.</summary>
    EarlyStopped,
}

/// <summary>What a <see cref="RunStatus"/> means, and its words.</summary>
public static class RunStatuses
{
    /// <summary>Whether nothing follows but by request.</summary>
    public static bool IsAtRest(this RunStatus status) => status is RunStatus.Paused or RunStatus.Completed
        or RunStatus.Cancelled or RunStatus.Failed or RunStatus.EarlyStopped;

    /// <summary>Whether it has not come to its end: it rests for now at most.</summary>
    public static bool IsUnfinished(this RunStatus status) => status is RunStatus.Paused || !status.IsAtRest();

    /// <summary>The word in JSON and in the store, such as <c>early_stopped</c>.</summary>
    public static string Word(this RunStatus status) => JsonNamingPolicy.SnakeCaseLower.ConvertName($"{status}");

    /// <summary>The words for people, such as <c>early stopped</c>.</summary>
    public static string ForPeople(this RunStatus status) => status.Word().Replace('_', ' ');
}
