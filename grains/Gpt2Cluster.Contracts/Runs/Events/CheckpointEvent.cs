namespace Gpt2Cluster.Contracts.Runs.Events;

/// <summary>A checkpoint was published.</summary>
public sealed record CheckpointEvent : RunEvent
{
    /// <summary>The step after which it was taken.</summary>
    public required long Step { get; init; }

    /// <summary>The state hash, lower-case hexadecimal.</summary>
    public required string StateSha256 { get; init; }

    /// <summary>Its folder on the silo that wrote it.</summary>
    public required string Path { get; init; }

    /// <summary>Seconds from the snapshot to the rename.</summary>
    public required double Seconds { get; init; }
}
