using System.Collections.Immutable;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Reduction;

namespace Gpt2Cluster.Core.Runs.State;

/// <summary>
/// What the coordinator is doing; each phase owns what only it needs. <c>docs/run-phases.md</c> draws which follows
/// which.
/// </summary>
public abstract record RunPhase
{
    // All phases are here.
    private RunPhase()
    {
    }

    /// <summary>Whether workers serve the run, so that its time counts.</summary>
    public bool IsActive => this is not (Waiting or Resting);

    /// <summary>There are too few workers, or the coordinator has not heard of any yet.</summary>
    /// <param name="Since">When it began to wait.</param>
    public sealed record Waiting(TimeSpan Since) : RunPhase;

    /// <summary>A new generation gets ready: its silos take over the exchange's membership meanwhile.</summary>
    /// <param name="ReadySilos">Silos that have.</param>
    public abstract record Forming(ImmutableHashSet<SiloName> ReadySilos) : RunPhase;

    /// <summary>The members of a new generation are asked where their replicas stand.</summary>
    /// <inheritdoc cref="Forming(ImmutableHashSet{SiloName})"/>
    public sealed record Surveying(ImmutableHashSet<SiloName> ReadySilos) : Forming(ReadySilos);

    /// <summary>Replicas that lack something are made, loaded or copied.</summary>
    /// <inheritdoc cref="Forming(ImmutableHashSet{SiloName})"/>
    public sealed record Preparing(ImmutableHashSet<SiloName> ReadySilos) : Forming(ReadySilos);

    /// <summary>
    /// The boundary between two steps: all replicas are equal, and nothing is in flight that they wait for. No event
    /// ends here: what follows is chosen at once.
    /// </summary>
    /// <param name="FailedSaveCount">As of <see cref="Saving"/> if the run comes from there; else 0.</param>
    public sealed record Deciding(int FailedSaveCount) : RunPhase;

    /// <summary>A step is in flight.</summary>
    /// <param name="Work">The micro-batches of each member, more than one range only where it took over some of members
    /// that were lost; and what it reported.</param>
    /// <param name="PlannedAt">When the step was planned.</param>
    public sealed record Stepping(Work<IReadOnlyList<LeafRange>, StepReported> Work, TimeSpan PlannedAt) : RunPhase;

    /// <summary>Between two steps: validation.</summary>
    /// <param name="Work">The validation micro-batches of each member, and their losses.</param>
    public sealed record Validating(Work<LeafRange, IReadOnlyList<double>> Work) : RunPhase;

    /// <summary>Between two steps: samples.</summary>
    /// <param name="Work">The indices of each member's samples, and their texts.</param>
    public sealed record Sampling(Work<LeafRange, IReadOnlyList<string>> Work) : RunPhase;

    /// <summary>
    /// Between the last step and the end, or before the last workers leave: the last checkpoint. Between two steps: one
    /// that the step's own has to wait for.
    /// </summary>
    /// <param name="FailedCount">Attempts to write the last checkpoint that failed since.</param>
    public sealed record Saving(int FailedCount) : RunPhase;

    /// <summary>The run rests: paused or over.</summary>
    public sealed record Resting : RunPhase;
}
