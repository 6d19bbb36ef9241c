namespace Gpt2Cluster.Contracts.Cluster;

/// <summary>One device as a silo offers it.</summary>
[GenerateSerializer, Immutable, Alias("gpt2.worker-description.v1")]
public sealed record WorkerDescription
{
    /// <summary>The silo that owns the device.</summary>
    [Id(0)]
    public required string SiloName { get; init; }

    /// <summary>The device's index on that silo.</summary>
    [Id(1)]
    public required int DeviceIndex { get; init; }

    /// <summary><c>cpu</c> or <c>cuda</c>.</summary>
    [Id(2)]
    public required string Kind { get; init; }

    /// <summary>For people: the processor's or card's name.</summary>
    [Id(3)]
    public required string Name { get; init; }

    /// <summary>Cores of a CPU share, 0 for a GPU.</summary>
    [Id(4)]
    public required int Cores { get; init; }

    /// <summary>Whether bf16 is the better default on it.</summary>
    [Id(5)]
    public required bool BFloat16IsFast { get; init; }

    /// <summary>The run it serves; null when it is free.</summary>
    [Id(6)]
    public string? Run { get; init; }

    /// <summary>Why its run is to let it go at the next step boundary, for people; null if it stays.</summary>
    [Id(7)]
    public string? Leaving { get; init; }

    /// <summary>
    /// What it shares with workers that may compute the same bits: instruction set or card model; null or empty if
    /// nobody knows.
    /// </summary>
    [Id(8)]
    public string? Class { get; init; }

    /// <summary>Greater is faster among workers of one kind.</summary>
    [Id(9)]
    public int SpeedRank { get; init; }

    /// <summary>Bytes of a card's own memory; 0 for a processor, and where nobody knows.</summary>
    [Id(10)]
    public long CardMemoryBytes { get; init; }

    /// <summary>Key of its grain.</summary>
    public string Key => new WorkerId(SiloName, DeviceIndex).ToString();
}

/// <summary>One silo as it introduces itself, again every few seconds.</summary>
[GenerateSerializer, Immutable, Alias("gpt2.silo-description.v1")]
public sealed record SiloDescription
{
    /// <summary>The silo's name.</summary>
    [Id(0)]
    public required string Name { get; init; }

    /// <summary>Address other silos reach its stripe port at.</summary>
    [Id(1)]
    public required string StripeHost { get; init; }

    /// <summary>Its stripe port.</summary>
    [Id(2)]
    public required int StripePort { get; init; }

    /// <summary>Where its pages and metrics are, such as <c>127.0.0.1:8080</c>.</summary>
    [Id(3)]
    public required string HttpAddress { get; init; }

    /// <summary>A number that names this disk: silos with the same one share their data folder.</summary>
    [Id(4)]
    public required string DataFolderId { get; init; }

    /// <summary>Bytes of memory that its machine lets the silo have; 0 if it does not say.</summary>
    [Id(12)]
    public long MachineMemoryBytes { get; init; }

    /// <summary>Free bytes in the data folder.</summary>
    [Id(5)]
    public required long FreeDiskBytes { get; init; }

    /// <summary>Its devices.</summary>
    [Id(6)]
    public required WorkerDescription[] Workers { get; init; }

    /// <summary>Cores of the machine.</summary>
    [Id(7)]
    public required int MachineCores { get; init; }

    /// <summary>Name of the machine: silos on one machine share its cores.</summary>
    [Id(8)]
    public required string MachineName { get; init; }

    /// <summary>
    /// Names this life of the silo: a process that was started again has another. Orleans' address of it, as text.
    /// </summary>
    [Id(9)]
    public required string Incarnation { get; init; }

    /// <summary>Whether it was told to stop: its workers leave their runs and are given to no other.</summary>
    [Id(10)]
    public bool IsLeaving { get; init; }

    /// <summary>
    /// What people should know of its devices, such as a card that its build cannot use; null for nothing.
    /// </summary>
    [Id(11)]
    public string? DeviceNotice { get; init; }
}

/// <summary>What a silo is told that introduces itself.</summary>
/// <param name="GivenWorkers">How many of its workers are given to runs.</param>
/// <param name="NameTakenBy">
/// Host and Orleans port of another silo of that name, which lives; null if there is none.
/// </param>
[GenerateSerializer, Immutable, Alias("gpt2.introduction.v1")]
public sealed record RegistrationAnswer(
    [property: Id(0)] int GivenWorkers, [property: Id(1)] string? NameTakenBy = null);

/// <summary>What <c>workers</c> shows.</summary>
[GenerateSerializer, Immutable, Alias("gpt2.cluster-view.v1")]
public sealed record ClusterView
{
    /// <summary>The silos that are in the cluster now, by name.</summary>
    [Id(0)]
    public required SiloDescription[] Silos { get; init; }

    /// <summary>
    /// Whether every silo of the membership has introduced itself since the list was begun, or had the time to. Before
    /// that, a worker that is not here is not lost.
    /// </summary>
    [Id(1)]
    public bool IsComplete { get; init; }
}

/// <summary>A worker that a run cannot use: it would compute other bits.</summary>
/// <param name="Key">Its key.</param>
/// <param name="Incarnation">The life of its silo that was refused; the next one may be on another machine.</param>
[GenerateSerializer, Immutable, Alias("gpt2.refused-worker.v1")]
public sealed record RefusedWorker([property: Id(0)] string Key, [property: Id(1)] string Incarnation);

/// <summary>One run in a list.</summary>
[GenerateSerializer, Immutable, Alias("gpt2.run-summary.v1")]
public sealed record RunSummary
{
    /// <summary>The run's name.</summary>
    [Id(0)]
    public required string Name { get; init; }

    /// <summary>
    /// <c>queued</c>, <c>preparing</c>, <c>running</c>, <c>paused</c>, <c>completed</c>, <c>cancelled</c>,
    /// <c>failed</c> or <c>early_stopped</c>.
    /// </summary>
    [Id(1)]
    public required string Status { get; init; }

    /// <summary>The last committed step.</summary>
    [Id(2)]
    public required long Step { get; init; }

    /// <summary>Steps in all.</summary>
    [Id(3)]
    public required long Steps { get; init; }

    /// <summary>Loss of the last step, nats per token; null before the first.</summary>
    [Id(4)]
    public double? Loss { get; init; }

    /// <summary>Best validation loss; null before the first.</summary>
    [Id(5)]
    public double? BestValidationLoss { get; init; }

    /// <summary>Workers that serve it.</summary>
    [Id(6)]
    public int WorkerCount { get; init; }

    /// <summary>The model it started from.</summary>
    [Id(7)]
    public required string Model { get; init; }

    /// <summary>When it was submitted.</summary>
    [Id(8)]
    public required DateTimeOffset SubmittedAt { get; init; }

    /// <summary>
    /// The generation that its coordinator has stored: what one says that was replaced has an older one, and is not
    /// believed.
    /// </summary>
    [Id(9)]
    public int Generation { get; init; }

    /// <summary>
    /// The kind of devices that serves it, <c>cpu</c> or <c>cuda</c>; <c>auto</c> while none has enough workers; null
    /// from runs of before there was a choice.
    /// </summary>
    [Id(10)]
    public string? Device { get; init; }

    /// <summary>Their class; null for all of the kind.</summary>
    [Id(11)]
    public string? DeviceClass { get; init; }

    /// <summary>The life of the name that this run is (<c>RunRecord.Life</c>); null from older versions.</summary>
    [Id(12)]
    public string? Life { get; init; }

    /// <summary>The hashes of all datasets that it reads; null from older versions.</summary>
    [Id(13)]
    public string[]? Datasets { get; init; }
}

/// <summary>A run that was deleted.</summary>
/// <param name="Run">Its name, which another run may have by now.</param>
/// <param name="Lives">The lives of that name that are over.</param>
[GenerateSerializer, Immutable, Alias("gpt2.deleted-run.v1")]
public sealed record DeletedRunLives([property: Id(0)] string Run, [property: Id(1)] string[] Lives);

/// <summary>All runs that a cluster knows, and all that it knows to be deleted.</summary>
/// <param name="Runs">The runs.</param>
/// <param name="Deleted">Those that were deleted.</param>
[GenerateSerializer, Immutable, Alias("gpt2.known-runs.v1")]
public sealed record KnownRuns(
    [property: Id(0)] RunSummary[] Runs, [property: Id(1)] DeletedRunLives[] Deleted);

/// <summary>
/// The one list of workers and runs. It assigns workers to runs, oldest run first, and takes them from one run for
/// another only with the consent of the first.
/// </summary>
[Alias("gpt2.cluster")]
public interface ICluster : IGrainWithStringKey
{
    /// <summary>
    /// A silo introduces itself, says that it is still there, or that it is to stop. One that membership has declared
    /// dead is not listened to, and neither is one whose name another one has that lives.
    /// </summary>
    [Alias("register")]
    Task<RegistrationAnswer> Register(SiloDescription silo);

    /// <summary>A silo leaves in good order.</summary>
    /// <param name="siloName">Its name.</param>
    /// <param name="incarnation">This life of it: another one of that name stays.</param>
    [Alias("leave")]
    Task Leave(string siloName, string incarnation);

    /// <summary>Silos and workers now.</summary>
    [Alias("describe")]
    Task<ClusterView> Describe();

    /// <summary>All runs, newest first.</summary>
    [Alias("runs")]
    Task<RunSummary[]> Runs();

    /// <summary>All runs, and those that were deleted.</summary>
    [Alias("known-runs")]
    Task<KnownRuns> KnownRuns();

    /// <summary>A run was deleted: it leaves the list, and what is said of it from now on is not believed.</summary>
    /// <param name="run">Its name.</param>
    /// <param name="lives">The lives of the name that are over.</param>
    [Alias("run-deleted")]
    Task RunDeleted(string run, string[] lives);

    /// <summary>A run has let workers go that were to leave it; others get them.</summary>
    [Alias("workers-released")]
    Task WorkersReleased(string run, string[] workers);

    /// <summary>A run tells how it stands; an unfinished one takes part in the assignment of workers.</summary>
    /// <param name="run">The run.</param>
    /// <param name="workersAtLeast">Workers it needs to begin, 1 or more.</param>
    /// <param name="workersAtMost">Workers it takes at most.</param>
    /// <param name="refused">Workers it cannot use; other runs get them.</param>
    [Alias("run-changed")]
    Task RunChanged(RunSummary run, int workersAtLeast, int workersAtMost, RefusedWorker[] refused);
}
