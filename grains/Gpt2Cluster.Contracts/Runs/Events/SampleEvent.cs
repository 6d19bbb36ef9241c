namespace Gpt2Cluster.Contracts.Runs.Events;

/// <summary>A text was drawn from the model in training.</summary>
public sealed record SampleEvent : RunEvent
{
    /// <summary>The step after which it was drawn.</summary>
    public required long Step { get; init; }

    /// <summary>Which of the samples of that step it is, from 1.</summary>
    public required int Index { get; init; }

    /// <summary>The text.</summary>
    public required string Text { get; init; }
}
