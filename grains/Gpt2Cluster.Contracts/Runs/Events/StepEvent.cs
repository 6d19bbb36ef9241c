namespace Gpt2Cluster.Contracts.Runs.Events;

/// <summary>A step was committed.</summary>
public sealed record StepEvent : RunEvent
{
    /// <summary>The step, from 1.</summary>
    public required long Step { get; init; }

    /// <summary>Mean loss over the global batch before the update, nats per token.</summary>
    public required double Loss { get; init; }

    /// <summary>Norm of the averaged gradient before clipping.</summary>
    public required double GradientNorm { get; init; }

    /// <summary>The learning rate of the step.</summary>
    public required double LearningRate { get; init; }

    /// <summary>Seconds from the plan to the commit.</summary>
    public required double Seconds { get; init; }

    /// <summary>Tokens of the global batch by those seconds.</summary>
    public required double TokensPerSecond { get; init; }

    /// <summary>Workers that took part.</summary>
    public required int Workers { get; init; }

    /// <summary>Version of the run's membership.</summary>
    public required int Generation { get; init; }

    /// <summary>Payload bytes all silos have sent over the stripe channel for the step.</summary>
    public required long ExchangedBytes { get; init; }

    /// <summary>Seconds the slowest worker waited for averages after its own compute was done.</summary>
    public required double ExposedExchangeSeconds { get; init; }
}
