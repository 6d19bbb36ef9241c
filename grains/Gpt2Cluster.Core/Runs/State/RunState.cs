using System.Collections.Immutable;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Reduction;

namespace Gpt2Cluster.Core.Runs.State;

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

    /// <summary>How patient the coordinator is.</summary>
    public RunOptions Options { get; init; } = new();

    /// <summary>What the coordinator is doing.</summary>
    public RunPhase Phase { get; init; } = new RunPhase.Waiting(TimeSpan.Zero);

    /// <summary>The step all replicas stand at, once they are ready.</summary>
    public long Step { get; init; }

    /// <summary>The workers of the generation, in the order of their micro-batches.</summary>
    public ImmutableList<RunMember> Members { get; init; } = [];

    /// <summary>What the cluster offers.</summary>
    public ClusterOffer Cluster { get; init; } = new([]);

    /// <summary>The workers that the run does without.</summary>
    public Exclusions Exclusions { get; init; } = Exclusions.None;

    /// <summary>Checkpoints that are being written and copied.</summary>
    public Checkpointing Checkpointing { get; init; } = new();

    /// <summary>What the run is to end with; null while it goes on.</summary>
    public Ending? Ending { get; init; }

    /// <summary>
    /// Whether workers were asked where they stand since the coordinator began. Before that, any of them may hold the
    /// only replica, also one that is to leave.
    /// </summary>
    public bool HasAsked { get; init; }

    /// <summary>Why the generation was raised last.</summary>
    public string MembershipReason { get; init; } = "";

    /// <summary>
    /// Why a worker was refused for its compute profile since the run last computed; null if none was.
    /// </summary>
    public string? Refusal { get; init; }

    /// <summary>
    /// The micro-batches of each member in the step planned last; kept while cutting anew would gain little.
    /// </summary>
    public ImmutableList<LeafRange> PlannedRanges { get; init; } = [];

    /// <summary>The first steps that this generation has committed, as long as they are measured.</summary>
    public ImmutableList<MeasuredStep> MeasuredSteps { get; init; } = [];

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

    /// <summary>Whether nothing follows but by request.</summary>
    public bool IsResting => Phase is RunPhase.Resting;

    /// <summary>
    /// Whether another coordinator may have had workers that this one has not asked yet: they may hold more than the
    /// newest checkpoint does.
    /// </summary>
    public bool MayHaveUnaskedWorkers => Record.Generation > 0 && !HasAsked;

    /// <summary>The silos of the members, in the order of their stripes.</summary>
    public IReadOnlyList<SiloName> Silos => [.. Members.Select(member => member.Silo).Distinct()];

    /// <summary>Why a worker is to leave at the next boundary; null if it stays.</summary>
    public string? WhyLeaving(WorkerId worker) => Cluster.Offered.Find(offered => offered.Key == worker)?.Leaving;

    /// <summary>Whether a member is to leave at the next boundary.</summary>
    public bool IsLeaving(RunMember member) => WhyLeaving(member.Key) is not null;
}
