using Gpt2Cluster.Core.Runs;

namespace Gpt2Cluster.Contracts.Runs.Events;

/// <summary>The run stopped, for now or for good.</summary>
public sealed record EndEvent : RunEvent
{
    /// <summary>Paused, completed, cancelled, failed or early stopped.</summary>
    public required RunStatus Status { get; init; }

    /// <summary>The last committed step.</summary>
    public required long Step { get; init; }

    /// <summary>The state hash after that step, lower-case hexadecimal; empty if there is no state.</summary>
    public required string StateSha256 { get; init; }

    /// <summary>Seconds of training, pauses not counted.</summary>
    public required double Seconds { get; init; }

    /// <summary>Tokens trained on.</summary>
    public required long Tokens { get; init; }
}
