using Gpt2Cluster.Contracts;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Core.Specification;
using Microsoft.Extensions.Logging;

namespace Gpt2Cluster.Grains.Runs;

/// <content>Checkpoints that one run keeps for another.</content>
internal sealed partial class TrainingRunGrain
{
    /// <inheritdoc/>
    public async Task<bool> Hold(long step, string stateHash, RunName run)
    {
        // What is released as nobody's while it is deleted must not be what somebody has just asked for. Callers take
        // this very type for a passing outage, and ask again.
        if (isDeleting)
            throw new OrleansException($"The run {Name} is being deleted; ask again.");
        var request = new HoldRequested(step, stateHash, run);
        if (!await Request(request, _ => true))
            return false;
        var record = records.Stored!;
        return record.Holds.Contains(new CheckpointHold(step, request.Run))
            && record.Checkpoints.Any(entry => entry.Step == step && entry.StateHash == stateHash);
    }

    /// <inheritdoc/>
    public Task ReleaseHold(long step, RunName run) =>
        Request(new HoldReleased(step, run), _ => true);

    /// <summary>
    /// The run that the frozen parameters come from keeps their checkpoint, and has stored that, before this run is
    /// taken. If this run is refused afterwards, the checkpoint is kept until the other one is to be deleted.
    /// </summary>
    /// <returns>False if that checkpoint is gone.</returns>
    private async Task<bool> HoldBase(RunSpecification specification)
    {
        if (!specification.StandsOnCheckpoint)
            return true;
        var (name, model) = (specification.Model.BaseRun!.Value, specification.Model);
        return await GrainFactory.Run(name).Hold(model.Step!.Value, model.Sha256!, Name);
    }

    /// <summary>
    /// Said by every coordinator of the run: an older version has not, and a store that was lost has forgotten it. That
    /// the checkpoint is gone is said to those who need it.
    /// </summary>
    private async Task HoldBaseAgain(RunRecord record)
    {
        var specification = record.Specification;
        try
        {
            if (!HasGivenUp(record))
                _ = await HoldBase(specification);
        }
        catch (Exception exception) when (TransientErrors.Is(exception))
        {
            LogNotHeld(exception, specification.Model.Name, Name);
        }
    }

    /// <summary>
    /// Whether it was cancelled before its first checkpoint: nothing of it stands on anything. One that has a
    /// checkpoint is of use as long as it is there, however it ended.
    /// </summary>
    private static bool HasGivenUp(RunRecord record) =>
        record is { Status: RunStatus.Cancelled, Checkpoints.Count: 0 };

    /// <summary>
    /// The other run may expire what only this one stood on. If that does not answer, it asks before it is deleted.
    /// </summary>
    private async Task ReleaseBase(RunSpecification specification)
    {
        if (!specification.StandsOnCheckpoint)
            return;
        var (name, model) = (specification.Model.BaseRun!.Value, specification.Model);
        try
        {
            await GrainFactory.Run(name).ReleaseHold(model.Step!.Value, Name);
        }
        catch (Exception exception) when (TransientErrors.Is(exception))
        {
            LogNotReleased(exception, name, Name);
        }
    }

    private static string BaseIsGone(RunSpecification specification) =>
        $"The run {specification.Model.BaseRun} no longer has its checkpoint of step {specification.Model.Step}, which "
        + "was its newest just now; submit again to start from the one that is.";

    [LoggerMessage(305, LogLevel.Warning,
        "It could not be said that the checkpoint of {Model} is held for run {Run}; its next coordinator says it.")]
    private partial void LogNotHeld(Exception exception, string model, RunName run);

    [LoggerMessage(306, LogLevel.Information,
        "The run {Base} could not be told that {Run} stands on none of its checkpoints any more.")]
    private partial void LogNotReleased(Exception exception, RunName @base, RunName run);
}
