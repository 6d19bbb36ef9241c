using System.Collections.Immutable;
using Gpt2Cluster.Core.Reduction;

namespace Gpt2Cluster.Core.Runs;

/// <summary>What the coordinator is doing.</summary>
public enum RunPhase
{
    /// <summary>There are too few workers, or the coordinator has not heard of any yet.</summary>
    Waiting,

    /// <summary>The members of a new generation are asked where their replicas stand.</summary>
    Standing,

    /// <summary>Replicas that lack something are made, loaded or copied; silos configure their exchange.</summary>
    Preparing,

    /// <summary>A step is in flight.</summary>
    Stepping,

    /// <summary>Between two steps: validation.</summary>
    Validating,

    /// <summary>Between two steps: samples.</summary>
    Sampling,

    /// <summary>
    /// Between the last step and the end: the last checkpoint. Between two steps: one that the step's own has to wait
    /// for.
    /// </summary>
    Saving,

    /// <summary>The run rests: paused or over.</summary>
    Resting,
}

/// <summary>A worker of the generation.</summary>
/// <param name="Key">Its key.</param>
/// <param name="Silo">The name of its silo.</param>
/// <param name="Incarnation">Of the silo's process.</param>
public sealed record RunMember(string Key, string Silo, string Incarnation)
{
    /// <summary>What it was told to prepare and has not answered; null once it has.</summary>
    public PrepareReplica? Awaited { get; init; }

    /// <summary>The step its replica stands at; null if it has none or has not said.</summary>
    public long? Step { get; init; }

    /// <summary>Measured seconds of one micro-batch in its last steps, at most three, oldest first.</summary>
    public ImmutableList<double> MeasuredSeconds { get; init; } = [];

    /// <summary>
    /// Seconds of one micro-batch; null before the first. The shortest of the last steps: what disturbs a measurement,
    /// a first step's warm-up or another program, only makes it longer.
    /// </summary>
    public double? SecondsPerMicroBatch => MeasuredSeconds.IsEmpty ? null : MeasuredSeconds.Min();

    /// <summary>
    /// Its part of the work in flight: micro-batches, validation micro-batches or samples. More than one range only
    /// where it took over micro-batches of members that were lost.
    /// </summary>
    public IReadOnlyList<LeafRange> Ranges { get; init; } = [];

    /// <summary>The one range of a validation or of samples.</summary>
    public LeafRange Range => Ranges.Single();

    /// <summary>What it holds of an interrupted plan for the step after its replica's; mostly none.</summary>
    public IReadOnlyList<LeafRange> Held { get; init; } = [];

    /// <summary>What it reported of the step in flight; null before.</summary>
    public StepReported? StepReport { get; init; }

    /// <summary>What it reported of the validation in flight; null before.</summary>
    public IReadOnlyList<double>? LossSums { get; init; }

    /// <summary>What it reported of the samples in flight; null before.</summary>
    public IReadOnlyList<string>? Texts { get; init; }
}

/// <summary>What the run ends with when its last checkpoint is written.</summary>
/// <param name="Status">Paused, completed, cancelled, failed or early stopped.</param>
/// <param name="Reason">For people; null if the status says it all.</param>
public sealed record Ending(RunStatus Status, string? Reason);

/// <summary>
/// Everything the coordinator knows of its run. Immutable; only <see cref="RunMachine.Decide"/> makes the next.
/// </summary>
public sealed record RunState
{
    /// <summary>The state of a coordinator that has just read its record.</summary>
    public RunState(RunRecord record) => Record = record;

    /// <summary>What is persisted.</summary>
    public RunRecord Record { get; init; }

    /// <summary>What the coordinator is doing.</summary>
    public RunPhase Phase { get; init; } = RunPhase.Waiting;

    /// <summary>The step all replicas stand at, once they are ready.</summary>
    public long Step { get; init; }

    /// <summary>The workers of the generation, in the order of their micro-batches.</summary>
    public ImmutableList<RunMember> Members { get; init; } = [];

    /// <summary>The workers the cluster offered last.</summary>
    public ImmutableList<OfferedWorker> Offered { get; init; } = [];

    /// <summary>
    /// How often each worker, by key and incarnation, was in trouble; see <see cref="RunMachine.MaxTroubleCount"/>. A
    /// silo that was started again has another incarnation.
    /// </summary>
    public ImmutableDictionary<(string Key, string Incarnation), int> Troubles { get; init; } =
        ImmutableDictionary<(string Key, string Incarnation), int>.Empty;

    /// <summary>
    /// Workers, by key and incarnation, that could not be reached, and until when they are not taken while the run has
    /// enough others.
    /// </summary>
    public ImmutableDictionary<(string Key, string Incarnation), TimeSpan> OutOfReach { get; init; } =
        ImmutableDictionary<(string Key, string Incarnation), TimeSpan>.Empty;

    /// <summary>
    /// Silos that seem to have ended, in this incarnation, though the cluster still offers their workers: since when,
    /// and the report that says so.
    /// </summary>
    public ImmutableDictionary<(string Silo, string Incarnation), (TimeSpan Since, string Reason)> Gone { get; init; } =
        ImmutableDictionary<(string Silo, string Incarnation), (TimeSpan Since, string Reason)>.Empty;

    /// <summary>How often a silo said of another that it is out of reach, since the last step was done.</summary>
    public ImmutableDictionary<(string From, string Silo), int> Unreachable { get; init; } =
        ImmutableDictionary<(string From, string Silo), int>.Empty;

    /// <summary>
    /// The micro-batches of each member in the step planned last; kept while cutting anew would gain little.
    /// </summary>
    public ImmutableList<LeafRange> PlannedRanges { get; init; } = [];

    /// <summary>Silos that have taken over the exchange's membership.</summary>
    public ImmutableHashSet<string> ReadySilos { get; init; } = [];

    /// <summary>
    /// Whether workers were asked where they stand since the coordinator began. Before that, any of them may hold the
    /// only replica, also one that is to leave.
    /// </summary>
    public bool HasAsked { get; init; }

    /// <summary>The first steps that this generation has committed, as long as they are measured.</summary>
    public ImmutableList<MeasuredStep> MeasuredSteps { get; init; } = [];

    /// <summary>Why the generation was raised last.</summary>
    public string MembershipReason { get; init; } = "";

    /// <summary>What the run is to end with; null while it goes on.</summary>
    public Ending? Ending { get; init; }

    /// <summary>The checkpoint that is being written; null if none is.</summary>
    public WriteCheckpoint? CheckpointInFlight { get; init; }

    /// <summary>When it was ordered.</summary>
    public TimeSpan CheckpointBegunAt { get; init; }

    /// <summary>When the command to write it was last sent.</summary>
    public TimeSpan CheckpointSentAt { get; init; }

    /// <summary>Whether a checkpoint was due while another was being written.</summary>
    public bool CheckpointIsDue { get; init; }

    /// <summary>
    /// Members, by key and incarnation, whose disks still work at a checkpoint that is not waited for any more, and
    /// until when they are not asked for another one.
    /// </summary>
    public ImmutableDictionary<(string Key, string Incarnation), TimeSpan> BusyDisks { get; init; } =
        ImmutableDictionary<(string Key, string Incarnation), TimeSpan>.Empty;

    /// <summary>The disks of the cluster's silos when it offered last.</summary>
    public IReadOnlyList<SiloDisk> Disks { get; init; } = [];

    /// <summary>The copy of a checkpoint that is being made; null if none is.</summary>
    public CopyCheckpoint? CopyInFlight { get; init; }

    /// <summary>When it was ordered.</summary>
    public TimeSpan CopySentAt { get; init; }

    /// <summary>Copies that failed since one succeeded.</summary>
    public int FailedCopyCount { get; init; }

    /// <summary>No copy is ordered before this time.</summary>
    public TimeSpan CopyNotBefore { get; init; }

    /// <summary>Checkpoints that could not be written since one was; each goes to the next member's disk.</summary>
    public int FailedCheckpointCount { get; init; }

    /// <summary>Attempts to write the last checkpoint that failed since the run began to end.</summary>
    public int FailedLastCheckpointCount { get; init; }

    /// <summary>When the run began to wait for workers, while it waits.</summary>
    public TimeSpan WaitingSince { get; init; }

    /// <summary>
    /// Workers that were refused for their compute profile or had no memory for the run, each in one life of its
    /// silo: the cluster gives them to other runs.
    /// </summary>
    public ImmutableHashSet<(string Key, string Incarnation)> Refused { get; init; } = [];

    /// <summary>
    /// Why a worker was refused for its compute profile since the run last computed; null if none was.
    /// </summary>
    public string? Refusal { get; init; }

    /// <summary>Workers of the cluster of the run's class when it offered last, whomever they serve.</summary>
    public int ClusterWorkerCount { get; init; }

    /// <summary>Its workers of other classes.</summary>
    public int OtherDeviceCount { get; init; }

    /// <summary>What the other runs had of them.</summary>
    public IReadOnlyList<RunShare> OtherRuns { get; init; } = [];

    /// <summary>The step of a checkpoint that is waited for, as its disk cannot be reached; null for none.</summary>
    public long? MissingCheckpoint { get; init; }

    /// <summary>When the step in flight was planned.</summary>
    public TimeSpan PlannedAt { get; init; }

    /// <summary>How long the last step took; zero before the first.</summary>
    public TimeSpan LastStepTime { get; init; }

    /// <summary>When something was last heard of the run.</summary>
    public TimeSpan ProgressAt { get; init; }

    /// <summary>How often it was said since that it does not move.</summary>
    public int StallCount { get; init; }

    /// <summary>When something was last heard of the run, or sent again.</summary>
    public TimeSpan MovedAt { get; init; }

    /// <summary>When the last event was heard.</summary>
    public TimeSpan Now { get; init; }
}
