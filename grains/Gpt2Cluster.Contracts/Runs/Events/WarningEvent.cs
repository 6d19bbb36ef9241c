namespace Gpt2Cluster.Contracts.Runs.Events;

/// <summary>Something the user should know; the run goes on.</summary>
public sealed record WarningEvent : RunEvent
{
    /// <summary>One sentence.</summary>
    public required string Message { get; init; }
}
