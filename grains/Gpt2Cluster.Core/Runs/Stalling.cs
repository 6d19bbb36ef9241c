using System.Globalization;
using Gpt2Cluster.Core.Checkpoints;

namespace Gpt2Cluster.Core.Runs;

/// <summary>
/// A device or a disk that hangs answers nothing, while its silo is alive to all others: that it takes so long is said,
/// and a checkpoint that another disk can take goes there.
/// </summary>
internal static class Stalling
{
    public static void Tick(Turn turn)
    {
        TryAnotherDisk(turn);
        TryAnotherCopy(turn);
        SayWhatIsAwaited(turn);
    }

    /// <summary>
    /// How long a checkpoint may take: its bytes at the rate of a slow disk, and some minutes for what a machine has
    /// else to do.
    /// </summary>
    public static TimeSpan CheckpointPatience(Turn turn)
    {
        var bytes = DiskSpace.CheckpointBytes(turn.Specification);
        return RunMachine.StallPatience + TimeSpan.FromSeconds(bytes / RunMachine.SlowDiskBytesPerSecond);
    }

    // Where it is the only disk, what it has begun is waited for.
    private static void TryAnotherDisk(Turn turn)
    {
        if (turn.State.CheckpointInFlight is not { } writing || turn.State.Members.Count == 1)
            return;
        var age = turn.State.Now - turn.State.CheckpointBegunAt;
        if (age >= CheckpointPatience(turn))
        {
            Saving.MarkBusy(turn, writing.Worker);
            Saving.GiveUp(turn, new CheckpointFailed(writing.Worker, writing.Step, SoFar(age)));
        }
    }

    // Another disk may take it; the copy that comes after all is as good.
    private static void TryAnotherCopy(Turn turn)
    {
        if (turn.State.CopyInFlight is not { } copy || turn.State.Phase == RunPhase.Resting)
            return;
        var age = turn.State.Now - turn.State.CopySentAt;
        if (age >= CheckpointPatience(turn))
            Copying.Failed(turn, new CheckpointNotCopied(copy.Silo, copy.Step, SoFar(age)));
    }

    private static void SayWhatIsAwaited(Turn turn)
    {
        var state = turn.State;
        var usual = RunMachine.StallFactor * state.LastStepTime;
        var patience = usual > RunMachine.StallPatience ? usual : RunMachine.StallPatience;
        var silence = state.Now - state.ProgressAt;
        if (Awaited(state) is not { } awaited || silence < patience * Math.Pow(2, state.StallCount))
            return;
        turn.State = state with { StallCount = state.StallCount + 1 };
        turn.Warn(
            $"The run has not moved for {Seconds(silence)} s and waits for {awaited}; if that goes on, see the silos' "
            + "logs.");
    }

    private static string? Awaited(RunState state) => state.Phase switch
    {
        RunPhase.Standing or RunPhase.Preparing =>
            $"the replicas of {Those(state, member => member.Awaited is not null)}",
        RunPhase.Stepping => $"step {state.Step + 1} of {Those(state, member => member.StepReport is null)}",
        RunPhase.Validating => $"the validation of {Those(state, member => member.LossSums is null)}",
        RunPhase.Sampling => $"the samples of {Those(state, member => member.Texts is null)}",
        RunPhase.Saving when state.CheckpointInFlight is { } writing =>
            $"the checkpoint of step {writing.Step} of {writing.Worker}",
        RunPhase.Saving when state.Members.TrueForAll(member => Saving.IsBusy(state, member)) =>
            "its disks, which still write the checkpoint before",
        _ => null,
    };

    private static string Those(RunState state, Func<RunMember, bool> isAwaited)
    {
        var keys = state.Members.Where(isAwaited).Select(member => member.Key).ToList();
        return keys.Count == 0 ? "its workers' exchange" : Membership.Names(keys);
    }

    private static string SoFar(TimeSpan age) => $"it has taken {Seconds(age)} s so far";

    private static string Seconds(TimeSpan time) => time.TotalSeconds.ToString("0", CultureInfo.InvariantCulture);
}
