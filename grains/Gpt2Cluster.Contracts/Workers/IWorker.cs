using Gpt2Cluster.Contracts.Models;
using Orleans.Concurrency;

namespace Gpt2Cluster.Contracts.Workers;

/// <summary>Where a worker's replica comes from.</summary>
public enum ReplicaOrigin
{
    /// <summary>Only say where the replica stands that is there, if one is.</summary>
    Keep,

    /// <summary>Draw fresh weights from the seed.</summary>
    Initialize,

    /// <summary>Load a stored model; moments are zero.</summary>
    Model,

    /// <summary>Load a checkpoint of the run.</summary>
    Checkpoint,

    /// <summary>Copy from another worker's replica.</summary>
    Copy,
}

/// <summary>The coordinator tells a worker to stand ready for a run.</summary>
[GenerateSerializer, Immutable, Alias("gpt2.prepare-request.v1")]
public sealed record PrepareRequest
{
    /// <summary>The run.</summary>
    [Id(0)]
    public required string Run { get; init; }

    /// <summary>The generation; a worker refuses an older one than it has seen.</summary>
    [Id(1)]
    public required int Generation { get; init; }

    /// <summary>The run's specification as JSON.</summary>
    [Id(2)]
    public required string SpecificationJson { get; init; }

    /// <summary>Where the replica comes from.</summary>
    [Id(3)]
    public required ReplicaOrigin Origin { get; init; }

    /// <summary>The step the replica will stand at; 0 to keep it.</summary>
    [Id(4)]
    public long Step { get; init; }

    /// <summary>For a checkpoint: which one.</summary>
    [Id(5)]
    public StoredCheckpoint? Checkpoint { get; init; }

    /// <summary>For a copy: keys of the workers that stand at that step.</summary>
    [Id(6)]
    public string[] CopyFrom { get; init; } = [];

    /// <summary>Whether this worker reports its silo's exchanged bytes: one worker of each silo does.</summary>
    [Id(7)]
    public bool ReportsExchange { get; init; }
}

/// <summary>A silo of a generation, as the stripe channel reaches it.</summary>
[GenerateSerializer, Immutable, Alias("gpt2.silo-address.v1")]
public sealed record SiloAddressRecord(
    [property: Id(0)] string Name, [property: Id(1)] string StripeHost, [property: Id(2)] int StripePort);

/// <summary>Contiguous micro-batches: the index of the first, and of the one after the last.</summary>
[GenerateSerializer, Immutable, Alias("gpt2.micro-batch-range.v1")]
public readonly record struct MicroBatchRange([property: Id(0)] int First, [property: Id(1)] int End);

/// <summary>One worker's part of one step.</summary>
[GenerateSerializer, Immutable, Alias("gpt2.step-plan.v1")]
public sealed record StepPlan
{
    /// <summary>The run.</summary>
    [Id(0)]
    public required string Run { get; init; }

    /// <summary>The generation.</summary>
    [Id(1)]
    public required int Generation { get; init; }

    /// <summary>The step, from 1.</summary>
    [Id(2)]
    public required long Step { get; init; }

    /// <summary>Its micro-batches, in the order they are computed.</summary>
    [Id(3)]
    public required MicroBatchRange[] MicroBatches { get; init; }

    /// <summary>The learning rate of the step.</summary>
    [Id(4)]
    public required double LearningRate { get; init; }

    /// <summary>
    /// The micro-batches of all workers of its silo: the silo adds up what they complete together before it sends it.
    /// </summary>
    [Id(5)]
    public MicroBatchRange[] SiloMicroBatches { get; init; } = [];

    /// <summary>Whether the run has no other worker: nobody else needs the step's average.</summary>
    [Id(6)]
    public bool IsAlone { get; init; }
}

/// <summary>One worker's part of a validation.</summary>
[GenerateSerializer, Immutable, Alias("gpt2.validation-plan.v1")]
public sealed record ValidationPlan
{
    /// <summary>The run.</summary>
    [Id(0)]
    public required string Run { get; init; }

    /// <summary>The generation.</summary>
    [Id(1)]
    public required int Generation { get; init; }

    /// <summary>The step after which it happens.</summary>
    [Id(2)]
    public required long Step { get; init; }

    /// <summary>Index of its first validation micro-batch.</summary>
    [Id(3)]
    public required int FirstMicroBatch { get; init; }

    /// <summary>Index of the one after its last.</summary>
    [Id(4)]
    public required int EndMicroBatch { get; init; }
}

/// <summary>A worker is to draw the run's samples of a step.</summary>
[GenerateSerializer, Immutable, Alias("gpt2.sample-plan.v1")]
public sealed record SamplePlan
{
    /// <summary>The run.</summary>
    [Id(0)]
    public required string Run { get; init; }

    /// <summary>The generation.</summary>
    [Id(1)]
    public required int Generation { get; init; }

    /// <summary>The step the replica stands at.</summary>
    [Id(2)]
    public required long Step { get; init; }

    /// <summary>Index of its first sample, from 0.</summary>
    [Id(3)]
    public required int FirstSample { get; init; }

    /// <summary>Index of the sample after its last.</summary>
    [Id(4)]
    public required int EndSample { get; init; }
}

/// <summary>A worker is to write a checkpoint of a step.</summary>
[GenerateSerializer, Immutable, Alias("gpt2.checkpoint-plan.v1")]
public sealed record CheckpointPlan
{
    /// <summary>The run.</summary>
    [Id(0)]
    public required string Run { get; init; }

    /// <summary>The generation.</summary>
    [Id(1)]
    public required int Generation { get; init; }

    /// <summary>The step the replica stands at.</summary>
    [Id(2)]
    public required long Step { get; init; }

    /// <summary>What the run's record says beside the tensors (history, best validation), as JSON.</summary>
    [Id(3)]
    public required string RecordJson { get; init; }

    /// <summary>Validation loss at that step; null if none was measured.</summary>
    [Id(4)]
    public double? ValidationLoss { get; init; }
}

/// <summary>A range of a replica, as raw fp32 little endian.</summary>
[GenerateSerializer, Immutable, Alias("gpt2.replica-range.v1")]
public sealed record ReplicaRange([property: Id(0)] long Step, [property: Id(1)] byte[] Bytes);

/// <summary>
/// One device and at most one replica. Activated on the silo in its key or not at all. Every order returns at once; the
/// worker reports to the coordinator. Reads of the replica wait until the compute thread has time for them.
/// </summary>
/// <remarks>
/// An order is answered with whether it is taken. It is not if the worker does not serve that generation of the run:
/// its session ended (its silo was started again, say) or belongs to another run. The coordinator then counts it as
/// lost.
/// </remarks>
[Alias("gpt2.worker")]
public interface IWorker : IGrainWithStringKey
{
    /// <summary>Stand ready for a run: make, load, keep or copy the replica.</summary>
    [Alias("prepare")]
    Task<bool> Prepare(PrepareRequest request);

    /// <summary>Compute a part of a step, contribute, wait for the average, apply, report.</summary>
    [Alias("plan")]
    Task<bool> Plan(StepPlan plan);

    /// <summary>Validate a part of the validation windows.</summary>
    [Alias("validate")]
    Task<bool> Validate(ValidationPlan plan);

    /// <summary>Draw samples.</summary>
    [Alias("sample")]
    Task<bool> Sample(SamplePlan plan);

    /// <summary>Snapshot the replica and write it in the background.</summary>
    [Alias("checkpoint")]
    Task<bool> Checkpoint(CheckpointPlan plan);

    /// <summary>Give up the run's replica; its memory is freed.</summary>
    [Alias("release")]
    Task Release(string run, int generation);

    /// <summary>
    /// A range of the replica and its step, for a worker that joins; null without a replica of the run.
    /// </summary>
    [Alias("read-replica")]
    [AlwaysInterleave]
    Task<ReplicaRange?> ReadReplica(string run, int part, long start, int count);

    /// <summary>
    /// The SHA-256 of some pieces of a part (<c>StateHash</c> of Core), one behind the other, so that a worker that has
    /// copied it can compare; null without a replica of the run.
    /// </summary>
    [Alias("hash-replica")]
    [AlwaysInterleave]
    Task<ReplicaRange?> HashReplica(string run, int part, int firstPiece, int count);

    /// <summary>
    /// Where the worker stands: the run, the generation and the step of its replica; null if it has none.
    /// </summary>
    [Alias("stand")]
    Task<WorkerStand?> Stand();
}

/// <summary>Where a worker stands.</summary>
[GenerateSerializer, Immutable, Alias("gpt2.worker-stand.v1")]
public sealed record WorkerStand(
    [property: Id(0)] string Run, [property: Id(1)] int Generation, [property: Id(2)] long Step);

/// <summary>
/// The averaging of a run on one silo; the bytes go over the stripe channel, the grain only decides who takes part. The
/// key names silo and run.
/// </summary>
[Alias("gpt2.reducer")]
public interface IReducer : IGrainWithStringKey
{
    /// <summary>Takes over a generation's membership.</summary>
    /// <returns>False if it has taken over a newer one.</returns>
    [Alias("configure")]
    Task<bool> Configure(string run, int generation, int leafCount, long elementCount, SiloAddressRecord[] silos);

    /// <summary>Ends the averaging of the run on this silo.</summary>
    [Alias("close")]
    Task Close(string run, int generation);
}
