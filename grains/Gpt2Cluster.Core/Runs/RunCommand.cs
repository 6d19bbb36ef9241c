using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Reduction;
using Orleans;

namespace Gpt2Cluster.Core.Runs;

/// <summary>
/// Something the coordinator is to do. Commands are executed in order. <see cref="PersistRecord"/> must have succeeded
/// before the next one is executed; all others are sent without waiting for an answer, and may be sent again.
/// </summary>
/// <remarks>
/// Orders to workers travel as they are: what a primary constructor takes, numbered by its place there.
/// </remarks>
[GenerateSerializer, Immutable, Alias("gpt2.run-command.v1")]
public abstract record RunCommand;

/// <summary>
/// Store the record, under its ETag. If somebody else has stored one since, this coordinator is over.
/// </summary>
/// <param name="Record">The whole record.</param>
public sealed record PersistRecord(RunRecord Record) : RunCommand;

/// <summary>Where a replica comes from.</summary>
public enum ReplicaSource
{
    /// <summary>Only say where the replica stands that is there, if one is.</summary>
    Keep,

    /// <summary>Draw fresh weights from the seed.</summary>
    Initialize,

    /// <summary>Load the stored model; moments are zero.</summary>
    Model,

    /// <summary>Load a checkpoint of the run.</summary>
    Checkpoint,

    /// <summary>Copy from other workers of the run.</summary>
    Copy,
}

/// <summary>A worker is to stand ready; it answers <see cref="ReplicaReady"/>.</summary>
/// <param name="Worker">Its key.</param>
/// <param name="Generation">The generation.</param>
/// <param name="Source">Where the replica comes from.</param>
/// <param name="Step">The step the replica will stand at; 0 for <see cref="ReplicaSource.Keep"/>.</param>
/// <param name="CopyFrom">For a copy: the keys of all workers that stand at that step.</param>
[GenerateSerializer, Immutable, Alias("gpt2.prepare-replica.v1")]
public sealed record PrepareReplica(
    WorkerId Worker, int Generation, ReplicaSource Source, long Step, IReadOnlyList<WorkerId> CopyFrom) : RunCommand;

/// <summary>A silo is to take over the exchange's membership; it answers <see cref="ExchangeReady"/>.</summary>
/// <param name="Silo">Its name.</param>
/// <param name="Generation">The generation.</param>
/// <param name="LeafCount">M.</param>
/// <param name="Silos">The silos of the generation, in stripe order.</param>
public sealed record ConfigureExchange(
    SiloName Silo, int Generation, int LeafCount, IReadOnlyList<SiloName> Silos) : RunCommand;

/// <summary>A worker is to compute its part of a step; it answers <see cref="StepReported"/>.</summary>
/// <param name="Worker">Its key.</param>
/// <param name="Generation">The generation.</param>
/// <param name="Step">The step.</param>
/// <param name="Ranges">Its micro-batches, in the order they are computed; may be none.</param>
/// <param name="LearningRate">Of this step.</param>
/// <param name="SiloRanges">The micro-batches of all workers of its silo.</param>
/// <param name="IsAlone">Whether the run has no other worker: nobody else needs the average.</param>
[GenerateSerializer, Immutable, Alias("gpt2.plan-step.v1")]
public sealed record PlanStep(
    WorkerId Worker,
    int Generation,
    long Step,
    IReadOnlyList<LeafRange> Ranges,
    double LearningRate,
    IReadOnlyList<LeafRange> SiloRanges,
    bool IsAlone) : RunCommand;

/// <summary>A worker is to validate; it answers <see cref="ValidationReported"/>.</summary>
/// <param name="Worker">Its key.</param>
/// <param name="Generation">The generation.</param>
/// <param name="Step">The step its replica stands at.</param>
/// <param name="Range">Its validation micro-batches.</param>
[GenerateSerializer, Immutable, Alias("gpt2.validate.v1")]
public sealed record Validate(WorkerId Worker, int Generation, long Step, LeafRange Range) : RunCommand;

/// <summary>A worker is to draw samples; it answers <see cref="SampleReported"/>.</summary>
/// <param name="Worker">Its key.</param>
/// <param name="Generation">The generation.</param>
/// <param name="Step">The step its replica stands at.</param>
/// <param name="Range">The indices of its samples.</param>
[GenerateSerializer, Immutable, Alias("gpt2.sample.v1")]
public sealed record Sample(WorkerId Worker, int Generation, long Step, LeafRange Range) : RunCommand;

/// <summary>
/// A worker is to snapshot its replica and write it in the background; it answers <see cref="CheckpointWritten"/> or
/// <see cref="CheckpointFailed"/>, also when its replica stands elsewhere by now; while it writes, a repeat changes
/// nothing, and afterwards it answers again.
/// </summary>
/// <param name="Worker">Its key.</param>
/// <param name="Generation">The generation.</param>
/// <param name="Step">The step its replica stands at.</param>
/// <param name="ValidationLoss">Of that step; null if none was measured.</param>
/// <param name="IsBest">Whether it is the best by validation so far.</param>
[GenerateSerializer, Immutable, Alias("gpt2.write-checkpoint.v1")]
public sealed record WriteCheckpoint(
    WorkerId Worker, int Generation, long Step, double? ValidationLoss, bool IsBest) : RunCommand;

/// <summary>
/// A silo is to copy a checkpoint from another one's disk, in the background; it answers <see cref="CheckpointCopied"/>
/// or <see cref="CheckpointNotCopied"/>.
/// </summary>
/// <param name="Silo">The silo that copies.</param>
/// <param name="From">The silo whose disk has it.</param>
/// <param name="Step">The checkpoint's step.</param>
/// <param name="DataFolderId">The copying silo's data folder.</param>
public sealed record CopyCheckpoint(SiloName Silo, SiloName From, long Step, string DataFolderId) : RunCommand;

/// <summary>
/// Checkpoints that the stored catalogue does not name any more are to be deleted from every disk. It follows the
/// <see cref="PersistRecord"/> that forgets them, so that the store never names only what is deleted.
/// </summary>
/// <param name="Kept">
/// The steps of the catalogue and those that other runs stand on; whatever else is older than the newest of them goes.
/// </param>
public sealed record DeleteCheckpoints(IReadOnlyList<long> Kept) : RunCommand;

/// <summary>
/// The record is to be forgotten, under its ETag, and then all that belongs to the run; nothing follows. What is kept
/// is which lives of the name are over.
/// </summary>
/// <param name="DeletedLives">Of the name, all of them, oldest first.</param>
public sealed record ForgetRun(IReadOnlyList<string> DeletedLives) : RunCommand;

/// <summary>Tell those who watch.</summary>
/// <param name="Notice">What happened.</param>
public sealed record Publish(RunNotice Notice) : RunCommand;

/// <summary>Workers are to give up the run's replica and are free for other runs.</summary>
/// <param name="Workers">Their keys.</param>
/// <param name="Generation">The generation.</param>
public sealed record ReleaseWorkers(IReadOnlyList<WorkerId> Workers, int Generation) : RunCommand;

/// <summary>The run rests or is over: publish its end; nothing follows until it is resumed.</summary>
/// <param name="Status">Paused, completed, cancelled, failed or early stopped.</param>
/// <param name="Step">The step it stands at.</param>
/// <param name="StateHash">The state hash after that step; null if no checkpoint of it was written.</param>
/// <param name="Reason">Why, for people; null if the status says it all.</param>
public sealed record Finish(RunStatus Status, long Step, string? StateHash, string? Reason) : RunCommand;
