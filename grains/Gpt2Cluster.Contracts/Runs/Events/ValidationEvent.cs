namespace Gpt2Cluster.Contracts.Runs.Events;

/// <summary>The run was validated.</summary>
public sealed record ValidationEvent : RunEvent
{
    /// <summary>The step after which it was done.</summary>
    public required long Step { get; init; }

    /// <summary>Mean loss over the validation windows, nats per token.</summary>
    public required double Loss { get; init; }

    /// <summary>The exponential of the loss.</summary>
    public required double Perplexity { get; init; }
}
