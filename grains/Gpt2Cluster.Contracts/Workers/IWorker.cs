using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Core.Specification;
using Orleans.Concurrency;

namespace Gpt2Cluster.Contracts.Workers;

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
    /// <param name="specification">The run's.</param>
    /// <param name="order">The order; a worker refuses an older generation than it has seen.</param>
    /// <param name="checkpoint">The checkpoint to load, if one is to be loaded.</param>
    /// <param name="reportsExchange">
    /// Whether this worker reports its silo's exchanged bytes: one worker of each silo does.
    /// </param>
    [Alias("prepare")]
    Task<bool> Prepare(
        RunSpecification specification, PrepareReplica order, CheckpointEntry? checkpoint, bool reportsExchange);

    /// <summary>Compute a part of a step, contribute, wait for the average, apply, report.</summary>
    [Alias("plan")]
    Task<bool> Plan(string run, PlanStep order);

    /// <summary>Validate a part of the validation windows.</summary>
    [Alias("validate")]
    Task<bool> Validate(string run, Validate order);

    /// <summary>Draw samples.</summary>
    [Alias("sample")]
    Task<bool> Sample(string run, Sample order);

    /// <summary>Snapshot the replica and write it in the background.</summary>
    /// <param name="record">What is to be known of the run beside the tensors (history, best validation).</param>
    /// <param name="order">The order.</param>
    [Alias("checkpoint")]
    Task<bool> Checkpoint(RunRecord record, WriteCheckpoint order);

    /// <summary>Give up the run's replica; its memory is freed.</summary>
    [Alias("release")]
    Task Release(string run, int generation);

    /// <summary>
    /// A range of the replica and its step, for a worker that joins; null without a replica of the run.
    /// </summary>
    [Alias("read-replica")]
    [AlwaysInterleave]
    Task<ReplicaRange?> ReadReplica(string run, ReplicaPart part, long start, int count);

    /// <summary>
    /// The SHA-256 of some pieces of a part (<c>StateHash</c> of Core), one behind the other, so that a worker that has
    /// copied it can compare; null without a replica of the run.
    /// </summary>
    [Alias("hash-replica")]
    [AlwaysInterleave]
    Task<ReplicaRange?> HashReplica(string run, ReplicaPart part, int firstPiece, int count);

    /// <summary>
    /// Where the worker stands: the run, the generation and the step of its replica; null if it has none.
    /// </summary>
    [Alias("stand")]
    Task<WorkerPosition?> Stand();
}

/// <summary>Where a worker stands.</summary>
[GenerateSerializer, Immutable, Alias("gpt2.worker-stand.v1")]
public sealed record WorkerPosition(
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
    Task<bool> Configure(string run, int generation, int leafCount, long elementCount, ExchangeMember[] silos);

    /// <summary>Ends the averaging of the run on this silo.</summary>
    [Alias("close")]
    Task Close(string run, int generation);
}
