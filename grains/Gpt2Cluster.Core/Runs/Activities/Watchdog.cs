using System.Globalization;
using Gpt2Cluster.Core.Checkpoints;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Runs.State;

namespace Gpt2Cluster.Core.Runs.Activities;

/// <summary>
/// A device or a disk that hangs answers nothing, while its silo is alive to all others: that it takes so long is said,
/// and a checkpoint that another disk can take goes there.
/// </summary>
internal static class Watchdog
{
    // Steps of the last one's length that a step may take before it is said that it takes long.
    private const int StallFactor = 10;

    // Where it is the only disk, what it has begun is waited for.
    public static void TryAnotherDisk(Transition transition)
    {
        if (transition.Checkpointing.Writing is not { } writing || transition.State.Members.Count == 1)
            return;
        var age = transition.State.Now - writing.BegunAt;
        if (age < CheckpointPatience(transition))
            return;
        var (worker, step) = (writing.Command.Worker, writing.Command.Step);
        CheckpointWriting.MarkBusy(transition, worker);
        CheckpointWriting.GiveUp(transition, new CheckpointFailed(worker, step, SoFar(age)));
    }

    // Another disk may take it; the copy that comes after all is as good.
    public static void TryAnotherCopy(Transition transition)
    {
        if (transition.Checkpointing.Copying is not { } copying)
            return;
        var age = transition.State.Now - copying.SentAt;
        if (age < CheckpointPatience(transition))
            return;
        var (silo, step) = (copying.Command.Silo, copying.Command.Step);
        CheckpointCopies.Failed(transition, new CheckpointNotCopied(silo, step, SoFar(age)));
    }

    public static void SayWhatIsAwaited(Transition transition)
    {
        var state = transition.State;
        var usual = StallFactor * state.LastStepTime;
        var patience = usual > state.Options.StallPatience ? usual : state.Options.StallPatience;
        var silence = state.Now - state.ProgressAt;
        if (Awaited(state) is not { } awaited || silence < patience * Math.Pow(2, state.StallCount))
            return;
        transition.State = state with { StallCount = state.StallCount + 1 };
        transition.Warn(
            $"The run has not moved for {Seconds(silence)} s and waits for {awaited}; if that goes on, see the silos' "
            + "logs.");
    }

    /// <summary>
    /// How long a checkpoint may take: its bytes at the rate of a slow disk, and some minutes for what a machine has
    /// else to do.
    /// </summary>
    private static TimeSpan CheckpointPatience(Transition transition)
    {
        var (bytes, options) = (DiskSpace.CheckpointBytes(transition.Specification), transition.State.Options);
        return options.StallPatience + TimeSpan.FromSeconds(bytes / options.SlowDiskBytesPerSecond);
    }

    private static string? Awaited(RunState state) => state.Phase switch
    {
        RunPhase.Forming => $"the replicas of {Names(
            state.Members.Where(member => member.Awaited is not null).Select(member => member.Key))}",
        RunPhase.Stepping { Work: var work } => $"step {state.Step + 1} of {Those(work)}",
        RunPhase.Validating { Work: var work } => $"the validation of {Those(work)}",
        RunPhase.Sampling { Work: var work } => $"the samples of {Those(work)}",
        RunPhase.Saving when state.Checkpointing.Writing is { Command: var writing } =>
            $"the checkpoint of step {writing.Step} of {writing.Worker}",
        RunPhase.Saving when state.Members.TrueForAll(state.Exclusions.IsDiskBusy) =>
            "its disks, which still write the checkpoint before",
        _ => null,
    };

    private static string Those<TPart, TResult>(Work<TPart, TResult> work)
        where TResult : class => Names(work.Missing.Select(share => share.Worker));

    private static string Names(IEnumerable<WorkerId> workers) =>
        workers.Any() ? Candidates.Names(workers) : "its workers' exchange";

    private static string SoFar(TimeSpan age) => $"it has taken {Seconds(age)} s so far";

    private static string Seconds(TimeSpan time) => time.TotalSeconds.ToString("0", CultureInfo.InvariantCulture);
}
