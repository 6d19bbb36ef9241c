namespace Gpt2Cluster.Contracts.Runs.Events;

/// <summary>The run's membership changed.</summary>
public sealed record MembershipEvent : RunEvent
{
    /// <summary>The last committed step.</summary>
    public required long Step { get; init; }

    /// <summary>The new generation.</summary>
    public required int Generation { get; init; }

    /// <summary>Workers of the new generation.</summary>
    public required int Workers { get; init; }

    /// <summary>Why, for people.</summary>
    public required string Reason { get; init; }
}
