using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Core.Runs;

/// <summary>Another run as far as it may need this one's checkpoints.</summary>
/// <param name="Specification">What it was asked to be.</param>
/// <param name="HasCheckpoint">Whether it has a checkpoint of its own.</param>
/// <param name="MayGoOn">Whether it is not over: it trains, waits, or can be resumed.</param>
public sealed record OtherRun(RunSpecification Specification, bool HasCheckpoint, bool MayGoOn)
{
    /// <summary>A run as its record has it.</summary>
    public static OtherRun Of(RunRecord record)
    {
        ArgumentNullException.ThrowIfNull(record);
        var isOver = record.Status is RunStatus.Completed or RunStatus.Cancelled or RunStatus.EarlyStopped;
        return new OtherRun(record.Specification, record.Checkpoints.Count > 0, MayGoOn: !isOver);
    }
}

/// <summary>
/// What other runs need of one that is to be deleted. It goes in the queue in which they ask to stand on its
/// checkpoints: whoever asked before is respected, whoever asks afterwards is told that there is nothing to stand on.
/// </summary>
public static class Deletion
{
    /// <summary>Of one name's deleted lives so many are remembered, the newest.</summary>
    public const int RememberedLives = 1000;

    /// <summary>Whether another run has this one's checkpoint held.</summary>
    /// <param name="other">The other run.</param>
    /// <param name="name">This run's name.</param>
    /// <param name="step">The checkpoint's step.</param>
    /// <remarks>A run that was cancelled before its first checkpoint holds nothing that anybody could use.</remarks>
    public static bool StandsOn(OtherRun other, RunName name, long step)
    {
        ArgumentNullException.ThrowIfNull(other);
        return other.Specification.StandsOnCheckpoint
            && other.Specification.Model.BaseRun == name
            && other.Specification.Model.Step == step
            && (other.HasCheckpoint || other.MayGoOn);
    }

    /// <summary>
    /// Whether another run began with a checkpoint of this one and has none of its own yet: it would find nothing to
    /// begin with.
    /// </summary>
    /// <param name="other">The other run.</param>
    /// <param name="name">This run's name.</param>
    public static bool BeginsWith(OtherRun other, RunName name)
    {
        ArgumentNullException.ThrowIfNull(other);
        return other is { MayGoOn: true, HasCheckpoint: false }
            && other.Specification.Model.BaseRun == name;
    }

    /// <summary>
    /// Why this run is not to be deleted while there is a run that began with it, in one sentence; null if that needs
    /// nothing of it. It may stand on a checkpoint that nobody holds for it: an older version has not said so, and a
    /// store that was lost has forgotten it.
    /// </summary>
    /// <param name="other">The other run.</param>
    /// <param name="otherName">Its name.</param>
    /// <param name="name">This run's name.</param>
    public static string? ReasonToKeep(OtherRun other, RunName otherName, RunName name)
    {
        ArgumentNullException.ThrowIfNull(other);
        if (other.Specification.Model.Step is { } step && StandsOn(other, name, step))
        {
            return $"The run {otherName} stands on the checkpoint of step {step} of {name}; "
                + $"'delete {otherName}' goes first.";
        }

        return BeginsWith(other, name)
            ? $"The run {otherName} is to begin with a checkpoint of {name} and has none of its own yet."
            : null;
    }

    /// <summary>
    /// Whether another run needs a model of the store: to begin with, or beside the parameters that it trains.
    /// </summary>
    /// <param name="other">The run.</param>
    /// <param name="model">The model's name in the store.</param>
    public static bool NeedsModel(OtherRun other, string model)
    {
        ArgumentNullException.ThrowIfNull(other);
        var specification = other.Specification;
        var isIt = !specification.Model.IsScratch && specification.Model.BaseRun is null
            && Presets.Canonical(specification.Model.Name) == model;
        return isIt && (other.MayGoOn || (other.HasCheckpoint && specification.Parameters().Frozen.Length > 0));
    }
}
