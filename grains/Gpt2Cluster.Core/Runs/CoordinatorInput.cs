using Gpt2Cluster.Core.Devices;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Reduction;
using Gpt2Cluster.Core.Specification;
using Orleans;

namespace Gpt2Cluster.Core.Runs;

/// <summary>Something the coordinator has heard. <see cref="RunMachine.Decide"/> says what follows.</summary>
/// <remarks>
/// Events that carry a generation are ignored when it is not the run's. Every event may come twice. Workers' reports
/// travel as they are: what a primary constructor takes, numbered by its place there.
/// </remarks>
[GenerateSerializer, Immutable, Alias("gpt2.run-report.v1")]
public abstract record CoordinatorInput
{
    /// <summary>
    /// When it was heard: time since the coordinator was activated, never going back. It does not travel.
    /// </summary>
    public TimeSpan At { get; init; }
}

/// <summary>A worker that the cluster assigns to the run.</summary>
/// <param name="Key">Its silo and device.</param>
/// <param name="Incarnation">Of the silo's process: one that was started again has lost every replica.</param>
public sealed record OfferedWorker(WorkerId Key, string Incarnation)
{
    /// <summary>The name of its silo.</summary>
    public SiloName Silo => Key.Silo;

    /// <summary>
    /// Why the run is to let it go at the next step boundary, for people; null if it stays. Who leaves is not taken.
    /// </summary>
    public string? Leaving { get; init; }
}

/// <summary>
/// The coordinator was activated with the record the run has, new (generation 0) or stored. A finished run stays
/// finished.
/// </summary>
public sealed record Started : CoordinatorInput;

/// <summary>
/// The workers assigned to the run now, all of them, in a fixed order. A member that is missing is lost, one of another
/// incarnation too.
/// </summary>
/// <param name="Workers">Those that live and are ready to serve.</param>
/// <param name="ClusterWorkerCount">All workers of the cluster that it could use, whomever they serve.</param>
/// <param name="OtherRuns">What the other runs have of them.</param>
public sealed record WorkersOffered(
    IReadOnlyList<OfferedWorker> Workers, int ClusterWorkerCount, IReadOnlyList<RunShare> OtherRuns) : CoordinatorInput
{
    /// <summary>Workers of the cluster that are not counted: the run's class of devices is another one.</summary>
    public int OtherDeviceCount { get; init; }

    /// <summary>The disks of all silos of the cluster, whomever they serve.</summary>
    public IReadOnlyList<SiloDisk> Disks { get; init; } = [];
}

/// <summary>
/// Another run's frozen parameters come from a checkpoint of this one, which is not to expire. Ignored if the catalogue
/// does not name that checkpoint.
/// </summary>
/// <param name="Step">The checkpoint's step.</param>
/// <param name="StateHash">The checkpoint's state hash, lower-case hexadecimal.</param>
/// <param name="Run">The name of the other run.</param>
public sealed record HoldRequested(long Step, string StateHash, RunName Run) : CoordinatorInput;

/// <summary>Another run does not stand on a checkpoint of this one any more.</summary>
/// <param name="Step">The checkpoint's step.</param>
/// <param name="Run">The name of the other run.</param>
public sealed record HoldReleased(long Step, RunName Run) : CoordinatorInput;

/// <summary>
/// People want the run, its checkpoints and its events gone. Ignored unless it rests and nobody stands on it.
/// </summary>
/// <param name="Life">The life of the name that they mean (<see cref="RunRecord.Life"/>): no other one goes.</param>
public sealed record DeletionRequested(string Life) : CoordinatorInput;

/// <summary>A class of devices has the workers that the run needs: it serves the run from now on.</summary>
/// <param name="Devices">The class.</param>
/// <param name="Threads">Threads of a worker on them.</param>
public sealed record DevicesChosen(ChosenDevices Devices, int Threads) : CoordinatorInput;

/// <summary>A run's part of the cluster.</summary>
/// <param name="Run">The run's name.</param>
/// <param name="WorkerCount">How many workers serve it.</param>
public sealed record RunShare(RunName Run, int WorkerCount);

/// <summary>A worker cannot be reached, or does not serve the generation (any more). It may be offered again.</summary>
/// <param name="Worker">Its key.</param>
/// <param name="Generation">The generation of the command that did not arrive.</param>
/// <param name="Reason">For people.</param>
/// <param name="IsOutOfReach">Whether the command failed on its way, so that the next one would too.</param>
public sealed record WorkerLost(WorkerId Worker, int Generation, string Reason, bool IsOutOfReach = false)
    : CoordinatorInput;

/// <summary>A worker cannot do what it was told.</summary>
/// <param name="Worker">Its key.</param>
/// <param name="Generation">The generation of the command.</param>
/// <param name="Reason">One sentence.</param>
/// <param name="IsFinal">True if no other worker could do it either (bad input): the run fails.</param>
/// <param name="HasNoMemory">
/// True if its device or its machine has no memory for it: it would fail again, and a larger one would not.
/// </param>
[GenerateSerializer, Immutable, Alias("gpt2.worker-troubled.v1")]
public sealed record WorkerTroubled(
    WorkerId Worker, int Generation, string Reason, bool IsFinal, bool HasNoMemory = false) : CoordinatorInput;

/// <summary>A silo's stripe port is out of another member's reach; said again and again while it lasts.</summary>
/// <param name="From">Who cannot reach it.</param>
/// <param name="Silo">Whose port it is.</param>
/// <param name="Generation">The generation that needs it.</param>
/// <param name="Reason">One sentence: who cannot reach what, and why.</param>
/// <param name="IsGone">Whether its process is known to have ended: nobody listens on the port any more.</param>
[GenerateSerializer, Immutable, Alias("gpt2.silo-unreachable.v1")]
public sealed record SiloUnreachable(
    SiloName From, SiloName Silo, int Generation, string Reason, bool IsGone = false) : CoordinatorInput;

/// <summary>A worker answers <see cref="PrepareReplica"/>.</summary>
/// <param name="Worker">Its key.</param>
/// <param name="Generation">The generation of the command.</param>
/// <param name="Step">The last step its replica has applied; null if it holds none of this run.</param>
/// <param name="Profile">What can change its bits; null if it is not known yet (no replica).</param>
/// <param name="Held">
/// The micro-batches of the step after it that an interrupted plan gave the worker and that it has begun to compute: if
/// the next plan begins with these ranges, it goes on where it stopped. Null for none, as mostly.
/// </param>
[GenerateSerializer, Immutable, Alias("gpt2.replica-ready.v1")]
public sealed record ReplicaReady(
    WorkerId Worker,
    int Generation,
    long? Step,
    ComputeProfile? Profile,
    IReadOnlyList<LeafRange>? Held = null) : CoordinatorInput
{
    /// <summary>The ranges that it holds of an interrupted plan; mostly none.</summary>
    public IReadOnlyList<LeafRange> Held { get; init; } = Held ?? [];
}

/// <summary>A silo has taken over the exchange's membership.</summary>
/// <param name="Silo">Its name.</param>
/// <param name="Generation">The generation of the command.</param>
public sealed record ExchangeReady(SiloName Silo, int Generation) : CoordinatorInput;

/// <summary>A worker has applied a step, or not because something was not finite.</summary>
/// <param name="Worker">The worker's key.</param>
/// <param name="Generation">The generation of the plan.</param>
/// <param name="Step">The step.</param>
/// <param name="Losses">
/// Mean loss of each of the worker's micro-batches in the plan's order, nats per token.
/// </param>
/// <param name="GradientNorm">Norm of the averaged gradient before clipping: the same bits on every worker.</param>
/// <param name="Applied">
/// False if a loss or the norm is not finite, so that parameters and moments are unchanged.
/// </param>
/// <param name="KeptCount">Micro-batches that it had computed under an interrupted plan already.</param>
/// <param name="Compute">Time of compute for all its other micro-batches, without the wait for their windows.</param>
/// <param name="ExposedExchange">Time it waited for averages after its own compute was done.</param>
/// <param name="Update">Time of the gradient's norm and the update; null if the worker does not say.</param>
/// <param name="SentBytes">
/// Payload bytes sent for the step that no other worker reports (a silo's bytes come with one of its workers).
/// </param>
/// <param name="OverlappedBytes">
/// Those of them that were on their way before the worker's compute was done.
/// </param>
[GenerateSerializer, Immutable, Alias("gpt2.step-reported.v1")]
public sealed record StepReported(
    WorkerId Worker,
    int Generation,
    long Step,
    IReadOnlyList<double> Losses,
    double GradientNorm,
    bool Applied,
    int KeptCount = 0,
    TimeSpan Compute = default,
    TimeSpan ExposedExchange = default,
    TimeSpan? Update = null,
    long SentBytes = 0,
    long OverlappedBytes = 0) : CoordinatorInput;

/// <summary>A worker has validated its micro-batches.</summary>
/// <param name="Worker">Its key.</param>
/// <param name="Generation">The generation of the command.</param>
/// <param name="Step">The step after which it was done.</param>
/// <param name="LossSums">
/// For each window of its micro-batches in order: the sum of the losses of its counted targets, nats.
/// </param>
[GenerateSerializer, Immutable, Alias("gpt2.validation-reported.v1")]
public sealed record ValidationReported(
    WorkerId Worker, int Generation, long Step, IReadOnlyList<double> LossSums) : CoordinatorInput;

/// <summary>A worker has drawn its samples.</summary>
/// <param name="Worker">Its key.</param>
/// <param name="Generation">The generation of the command.</param>
/// <param name="Step">The step after which they were drawn.</param>
/// <param name="Texts">The texts, in the order of their indices.</param>
[GenerateSerializer, Immutable, Alias("gpt2.sample-reported.v1")]
public sealed record SampleReported(
    WorkerId Worker, int Generation, long Step, IReadOnlyList<string> Texts) : CoordinatorInput;

/// <summary>A checkpoint is published on disk.</summary>
/// <param name="Worker">Who wrote it.</param>
/// <param name="Step">The step after which it was taken.</param>
/// <param name="StateHash">The state hash, lower-case hexadecimal.</param>
/// <param name="Path">Its folder.</param>
/// <param name="Duration">From the snapshot to the rename.</param>
/// <param name="DataFolderId">The data folder that holds it; null if nobody said.</param>
[GenerateSerializer, Immutable, Alias("gpt2.checkpoint-written.v1")]
public sealed record CheckpointWritten(
    WorkerId Worker, long Step, string StateHash, string Path, TimeSpan Duration, string? DataFolderId = null)
    : CoordinatorInput;

/// <summary>A checkpoint could not be written.</summary>
/// <param name="Worker">Who tried.</param>
/// <param name="Step">The checkpoint's step.</param>
/// <param name="Reason">One sentence.</param>
/// <param name="IsBusy">Whether it was not begun, as its disk still works at the one before.</param>
[GenerateSerializer, Immutable, Alias("gpt2.checkpoint-failed.v1")]
public sealed record CheckpointFailed(WorkerId Worker, long Step, string Reason, bool IsBusy = false)
    : CoordinatorInput;

/// <summary>A silo has copied a checkpoint, verified it and published it on its disk, or had it already.</summary>
/// <param name="Silo">The silo.</param>
/// <param name="Step">The checkpoint's step.</param>
/// <param name="DataFolderId">The data folder that holds it; null if nobody said.</param>
public sealed record CheckpointCopied(SiloName Silo, long Step, string? DataFolderId) : CoordinatorInput;

/// <summary>A silo could not copy a checkpoint.</summary>
/// <param name="Silo">The silo.</param>
/// <param name="Step">The checkpoint's step.</param>
/// <param name="Reason">What was met, without a full stop.</param>
public sealed record CheckpointNotCopied(SiloName Silo, long Step, string Reason) : CoordinatorInput;

/// <summary>A checkpoint that lies on a disk.</summary>
/// <param name="Entry">As a catalogue would name it.</param>
/// <param name="Record">The run's record at its step.</param>
[GenerateSerializer, Immutable, Alias("gpt2.found-checkpoint.v1")]
public sealed record FoundCheckpoint(CheckpointEntry Entry, RunRecord Record);

/// <summary>
/// What lies on the disks of the silos that are there, whether the record names it or not: an answer that never came,
/// or a store that was lost.
/// </summary>
/// <param name="Checkpoints">In any order.</param>
public sealed record CheckpointsFound(IReadOnlyList<FoundCheckpoint> Checkpoints) : CoordinatorInput;

/// <summary>
/// No disk that can be reached has a checkpoint that verifies, and the disk it was written to cannot be reached: it is
/// waited for.
/// </summary>
/// <param name="Worker">Who looked for it.</param>
/// <param name="Generation">The generation of the command.</param>
/// <param name="Step">The checkpoint's step.</param>
/// <param name="Reason">What was met, without a full stop.</param>
[GenerateSerializer, Immutable, Alias("gpt2.checkpoint-unreachable.v1")]
public sealed record CheckpointUnreachable(WorkerId Worker, int Generation, long Step, string Reason)
    : CoordinatorInput;

/// <summary>
/// A stored checkpoint does not verify, on the disk it was written to and on all others that can be reached: it is set
/// aside, and the next older one is used.
/// </summary>
/// <param name="Step">The checkpoint's step.</param>
/// <param name="Reason">One sentence.</param>
[GenerateSerializer, Immutable, Alias("gpt2.checkpoint-damaged.v1")]
public sealed record CheckpointDamaged(long Step, string Reason) : CoordinatorInput;

/// <summary>Pause at the next step boundary.</summary>
public sealed record PauseRequested : CoordinatorInput;

/// <summary>Go on with a paused or failed run, or take back a pause that has not happened yet.</summary>
/// <param name="PauseAt">Pause when this step is committed; null for never.</param>
/// <param name="Workers">How many workers from now on; null for as before.</param>
public sealed record ResumeRequested(long? PauseAt = null, WorkerRange? Workers = null) : CoordinatorInput;

/// <summary>End the run at the next step boundary.</summary>
public sealed record CancelRequested : CoordinatorInput;

/// <summary>Time has passed; once a second is enough.</summary>
public sealed record Ticked : CoordinatorInput;
