namespace Gpt2Cluster.Contracts.Workers;

/// <summary>A worker says where its replica stands.</summary>
[GenerateSerializer, Immutable, Alias("gpt2.replica-report.v1")]
public sealed record ReplicaReport
{
    /// <summary>The worker's key.</summary>
    [Id(0)]
    public required string Worker { get; init; }

    /// <summary>The generation it was prepared for.</summary>
    [Id(1)]
    public required int Generation { get; init; }

    /// <summary>The last step its replica has applied; null if it holds none of this run.</summary>
    [Id(2)]
    public required long? Step { get; init; }

    /// <summary>Its compute profile as JSON (<c>ComputeProfile</c> of Core); null without a replica.</summary>
    [Id(3)]
    public required string? ProfileJson { get; init; }

    /// <summary>
    /// The micro-batches of an interrupted plan for the step after it, of which it has computed some; mostly none.
    /// </summary>
    [Id(4)]
    public MicroBatchRange[] Held { get; init; } = [];
}

/// <summary>A worker has applied one step.</summary>
[GenerateSerializer, Immutable, Alias("gpt2.step-report.v1")]
public sealed record StepReport
{
    /// <summary>The worker's key.</summary>
    [Id(0)]
    public required string Worker { get; init; }

    /// <summary>The generation of the plan.</summary>
    [Id(1)]
    public required int Generation { get; init; }

    /// <summary>The step.</summary>
    [Id(2)]
    public required long Step { get; init; }

    /// <summary>How many of its micro-batches it had computed under an interrupted plan already.</summary>
    [Id(3)]
    public required int KeptCount { get; init; }

    /// <summary>Mean loss of each of its micro-batches in the plan's order, nats per token.</summary>
    [Id(4)]
    public required double[] Losses { get; init; }

    /// <summary>Norm of the averaged gradient before clipping.</summary>
    [Id(5)]
    public required double GradientNorm { get; init; }

    /// <summary>Whether the step was applied; false when a NaN or an infinity stopped it.</summary>
    [Id(6)]
    public required bool Applied { get; init; }

    /// <summary>Seconds of compute for all its other micro-batches, without the wait for their windows.</summary>
    [Id(7)]
    public required double ComputeSeconds { get; init; }

    /// <summary>Seconds it waited for averages after its own compute was done.</summary>
    [Id(8)]
    public required double ExposedExchangeSeconds { get; init; }

    /// <summary>Payload bytes its silo has sent for the step; 0 from all but one worker of a silo.</summary>
    [Id(9)]
    public required long SentBytes { get; init; }

    /// <summary>Seconds it waited for windows that were still on their way.</summary>
    [Id(10)]
    public required double DataWaitSeconds { get; init; }

    /// <summary>
    /// Seconds of the gradient's norm and the update; null from a silo of before they were reported.
    /// </summary>
    [Id(11)]
    public double? UpdateSeconds { get; init; }

    /// <summary>
    /// Payload bytes of <see cref="SentBytes"/> that were on their way before its compute was done; 0 from all but one
    /// worker of a silo, and from a silo of before they were reported.
    /// </summary>
    [Id(12)]
    public long OverlappedBytes { get; init; }
}

/// <summary>A worker has validated a range of the fixed validation micro-batches.</summary>
[GenerateSerializer, Immutable, Alias("gpt2.validation-report.v1")]
public sealed record ValidationReport
{
    /// <summary>The worker's key.</summary>
    [Id(0)]
    public required string Worker { get; init; }

    /// <summary>The generation.</summary>
    [Id(1)]
    public required int Generation { get; init; }

    /// <summary>The step after which it was done.</summary>
    [Id(2)]
    public required long Step { get; init; }

    /// <summary>
    /// For each window of its micro-batches in order: the sum of the losses of its counted targets, nats.
    /// </summary>
    [Id(3)]
    public required double[] LossSums { get; init; }
}

/// <summary>A worker has drawn samples.</summary>
[GenerateSerializer, Immutable, Alias("gpt2.sample-report.v1")]
public sealed record SampleReport
{
    /// <summary>The worker's key.</summary>
    [Id(0)]
    public required string Worker { get; init; }

    /// <summary>The generation.</summary>
    [Id(1)]
    public required int Generation { get; init; }

    /// <summary>The step after which they were drawn.</summary>
    [Id(2)]
    public required long Step { get; init; }

    /// <summary>The texts, prompt included, in the order of their indices.</summary>
    [Id(3)]
    public required string[] Texts { get; init; }
}

/// <summary>A worker has written a checkpoint, or could not.</summary>
[GenerateSerializer, Immutable, Alias("gpt2.checkpoint-report.v1")]
public sealed record CheckpointReport
{
    /// <summary>The worker's key.</summary>
    [Id(0)]
    public required string Worker { get; init; }

    /// <summary>The generation.</summary>
    [Id(1)]
    public required int Generation { get; init; }

    /// <summary>The step after which it was taken.</summary>
    [Id(2)]
    public required long Step { get; init; }

    /// <summary>The state hash; null if it could not be written.</summary>
    [Id(3)]
    public string? StateHash { get; init; }

    /// <summary>Its folder.</summary>
    [Id(4)]
    public string? Path { get; init; }

    /// <summary>Seconds from the snapshot to the rename.</summary>
    [Id(5)]
    public double Seconds { get; init; }

    /// <summary>Why it could not be written; null if it was.</summary>
    [Id(6)]
    public string? Failure { get; init; }

    /// <summary>The data folder it lies in.</summary>
    [Id(7)]
    public string? DataFolderId { get; init; }

    /// <summary>Whether it was not begun, as its disk still works at the one before.</summary>
    [Id(8)]
    public bool IsBusy { get; init; }
}

/// <summary>Stripes cannot reach a silo of the run.</summary>
[GenerateSerializer, Immutable, Alias("gpt2.unreachable-report.v1")]
public sealed record UnreachableReport
{
    /// <summary>Name of the silo that tries.</summary>
    [Id(0)]
    public required string From { get; init; }

    /// <summary>The run's generation there.</summary>
    [Id(1)]
    public required int Generation { get; init; }

    /// <summary>Name of the silo that cannot be reached.</summary>
    [Id(2)]
    public required string Silo { get; init; }

    /// <summary>Address or host name of its stripe port.</summary>
    [Id(3)]
    public required string Host { get; init; }

    /// <summary>Its stripe port.</summary>
    [Id(4)]
    public required int Port { get; init; }

    /// <summary>What the system says.</summary>
    [Id(5)]
    public required string Reason { get; init; }

    /// <summary>Whether its process is known to have ended.</summary>
    [Id(6)]
    public required bool IsGone { get; init; }
}

/// <summary>A worker cannot go on.</summary>
[GenerateSerializer, Immutable, Alias("gpt2.trouble-report.v1")]
public sealed record TroubleReport
{
    /// <summary>The worker's key.</summary>
    [Id(0)]
    public required string Worker { get; init; }

    /// <summary>The generation.</summary>
    [Id(1)]
    public required int Generation { get; init; }

    /// <summary>The step it was at.</summary>
    [Id(2)]
    public required long Step { get; init; }

    /// <summary>One sentence.</summary>
    [Id(3)]
    public required string Reason { get; init; }

    /// <summary>
    /// True when trying again cannot help (bad input), false when the run may go on without this worker.
    /// </summary>
    [Id(4)]
    public required bool IsFinal { get; init; }

    /// <summary>The step of a checkpoint that does not verify; null if the trouble is another.</summary>
    [Id(5)]
    public long? DamagedCheckpoint { get; init; }

    /// <summary>The step of a checkpoint that cannot be reached now; null if the trouble is another.</summary>
    [Id(6)]
    public long? UnreachableCheckpoint { get; init; }

    /// <summary>
    /// True if the worker's device or machine has no memory for it: the run goes on without this worker, if it can.
    /// </summary>
    [Id(7)]
    public bool HasNoMemory { get; init; }
}
