namespace Gpt2Cluster.Core.Runs;

/// <summary>
/// Something for those who watch a run: the events of the command line's contract, without the rendering.
/// </summary>
public abstract record RunNotice;

/// <summary>A step is committed.</summary>
public sealed record StepCommitted : RunNotice
{
    /// <summary>The step.</summary>
    public required long Step { get; init; }

    /// <summary>Mean over the global batch before the update, nats per token.</summary>
    public required double Loss { get; init; }

    /// <summary>Norm of the averaged gradient before clipping.</summary>
    public required double GradientNorm { get; init; }

    /// <summary>The learning rate it was applied with.</summary>
    public required double LearningRate { get; init; }

    /// <summary>From the plan to the last report.</summary>
    public required TimeSpan Duration { get; init; }

    /// <summary>Tokens of the global batch.</summary>
    public required long TokenCount { get; init; }

    /// <summary>Those tokens by the duration; 0 if it took no time.</summary>
    public double TokensPerSecond => Duration > TimeSpan.Zero ? TokenCount / Duration.TotalSeconds : 0;

    /// <summary>How many workers took part.</summary>
    public required int WorkerCount { get; init; }

    /// <summary>The generation.</summary>
    public required int Generation { get; init; }

    /// <summary>Payload bytes between silos.</summary>
    public required long ExchangedBytes { get; init; }

    /// <summary>The longest that a worker waited for averages after its own compute was done.</summary>
    public required TimeSpan ExposedExchange { get; init; }
}

/// <summary>A validation is done.</summary>
/// <param name="Step">After this step.</param>
/// <param name="Loss">Nats per token; perplexity is its exponential.</param>
/// <param name="IsBest">Whether it is the best so far.</param>
public sealed record ValidationDone(long Step, double Loss, bool IsBest) : RunNotice;

/// <summary>A sample is drawn.</summary>
/// <param name="Step">After this step.</param>
/// <param name="Index">From 0.</param>
/// <param name="Text">The text.</param>
public sealed record SampleDrawn(long Step, int Index, string Text) : RunNotice;

/// <summary>A checkpoint is published.</summary>
/// <param name="Entry">The catalogue's entry.</param>
/// <param name="Duration">From the snapshot to the rename.</param>
public sealed record CheckpointPublished(CheckpointEntry Entry, TimeSpan Duration) : RunNotice;

/// <summary>Another generation computes.</summary>
/// <param name="Step">The step all replicas stand at.</param>
/// <param name="Generation">Its number.</param>
/// <param name="WorkerCount">How many workers it has.</param>
/// <param name="Reason">What changed.</param>
public sealed record MembershipChanged(long Step, int Generation, int WorkerCount, string Reason) : RunNotice;

/// <summary>Something that should be known, and does not stop the run.</summary>
/// <param name="Message">One sentence.</param>
public sealed record Warned(string Message) : RunNotice;
