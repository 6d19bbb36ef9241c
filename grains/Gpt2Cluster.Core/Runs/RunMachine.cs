namespace Gpt2Cluster.Core.Runs;

/// <summary>
/// The coordinator's brain: a pure function from what is known and what was heard to what is to be done.
/// </summary>
/// <remarks>
/// A run waits for workers; asks where their replicas stand and makes them equal; then goes from step to step, and
/// between two steps validates, samples, saves, lets workers join, or ends. Each of these has a file of its own.
/// </remarks>
public static class RunMachine
{
    /// <summary>Outstanding commands are sent again when nothing was heard for this long.</summary>
    public static readonly TimeSpan ResendAfter = TimeSpan.FromSeconds(5);

    /// <summary>
    /// A worker that was in trouble this often, without a step that it has committed in between, is not taken any more,
    /// unless the run comes to wait for workers.
    /// </summary>
    public const int MaxTroubleCount = 3;

    /// <summary>
    /// A worker that could not be reached is not taken again for this long while the run has enough others: until the
    /// cluster declares its silo dead it is offered all the time, and each attempt would interrupt a step.
    /// </summary>
    public static readonly TimeSpan OutOfReachPause = TimeSpan.FromSeconds(5);

    /// <summary>
    /// A run whose workers were all refused for their compute profile, since people wanted it to go on, waits this long
    /// for others before it ends: when a cluster is started, its silos do not come at once.
    /// </summary>
    public static readonly TimeSpan RefusalPatience = TimeSpan.FromSeconds(30);

    /// <summary>
    /// A run that waits for workers takes those again after this long that it had left out for their troubles: they may
    /// have passed, such as those of a worker that was to copy from a silo out of its reach.
    /// </summary>
    public static readonly TimeSpan TroublePatience = TimeSpan.FromSeconds(30);

    /// <summary>
    /// Two silos between which stripes do not pass do not stay together once that was reported this often in one step;
    /// the first report warns.
    /// </summary>
    public const int MaxUnreachableCount = 3;

    /// <summary>
    /// A silo whose stripe port nobody listens on is taken for ended. If the cluster still offers it after this long,
    /// several times what it takes to declare a silo dead, it is alive, and its port is closed or the wrong one.
    /// </summary>
    public static readonly TimeSpan GonePatience = TimeSpan.FromSeconds(15);

    /// <summary>A run that ends gives up writing its last checkpoint after this many failures.</summary>
    public const int MaxCheckpointAttempts = 3;

    /// <summary>
    /// A member whose disk still works at a checkpoint that is not waited for any more is not asked for another one for
    /// this long, or until that one is written.
    /// </summary>
    public static readonly TimeSpan BusyDiskPause = TimeSpan.FromSeconds(30);

    /// <summary>A checkpoint that could not be copied is tried again after this long.</summary>
    public static readonly TimeSpan CopyAgainAfter = TimeSpan.FromSeconds(30);

    /// <summary>
    /// A run that is done, and the last worker that leaves, wait this long for the copy of the last checkpoint; a copy
    /// that takes longer goes on behind them.
    /// </summary>
    public static readonly TimeSpan LastCopyPatience = TimeSpan.FromSeconds(30);

    /// <summary>A run that does not move for this long, and <see cref="StallFactor"/> steps, says so.</summary>
    public static readonly TimeSpan StallPatience = TimeSpan.FromMinutes(2);

    /// <summary>Steps of the last one's length that a step may take before it is said that it takes long.</summary>
    public const int StallFactor = 10;

    /// <summary>What a disk is taken to write at least, bytes a second: less counts as one that hangs.</summary>
    public const double SlowDiskBytesPerSecond = 20e6;

    /// <summary>Decides.</summary>
    /// <param name="state">What is known.</param>
    /// <param name="heard">What was heard.</param>
    /// <returns>What is known now, and what is to be done, in order.</returns>
    public static (RunState State, IReadOnlyList<RunCommand> Commands) Decide(RunState state, RunEvent heard)
    {
        ArgumentNullException.ThrowIfNull(state);
        ArgumentNullException.ThrowIfNull(heard);
        var turn = new Turn(state, heard);
        switch (heard)
        {
            case Started: Requests.Start(turn); break;
            case PauseRequested: Requests.Pause(turn); break;
            case ResumeRequested request: Requests.Resume(turn, request); break;
            case CancelRequested: Requests.Cancel(turn); break;
            case HoldRequested request: Holding.Hold(turn, request); break;
            case HoldReleased released: Holding.Release(turn, released); break;
            case DeletionRequested request: Deletion.Delete(turn, request); break;
            case DevicesChosen chosen: Requests.Choose(turn, chosen); break;
            case WorkersOffered offer: Membership.Offer(turn, offer); break;
            case WorkerLost lost: Membership.Lose(turn, lost); break;
            case WorkerTroubled trouble: Membership.Trouble(turn, trouble); break;
            case SiloUnreachable report: Membership.Unreachable(turn, report); break;
            case ReplicaReady ready: Preparation.Replica(turn, ready); break;
            case ExchangeReady ready: Preparation.Exchange(turn, ready); break;
            case StepReported report: Stepping.Report(turn, report); break;
            case ValidationReported report: Validation.Report(turn, report); break;
            case SampleReported report: Sampling.Report(turn, report); break;
            case CheckpointWritten written: Saving.Written(turn, written); break;
            case CheckpointFailed failed: Saving.Failed(turn, failed); break;
            case CheckpointCopied copied: Copying.Copied(turn, copied); break;
            case CheckpointNotCopied failed: Copying.Failed(turn, failed); break;
            case CheckpointDamaged damaged: Saving.Damaged(turn, damaged); break;
            case CheckpointsFound found: Recovery.Found(turn, found); break;
            case CheckpointUnreachable missing: Saving.Unreachable(turn, missing); break;
            case Ticked: Resending.Tick(turn); break;
            default: throw new ArgumentException($"Unknown event {heard.GetType().Name}.", nameof(heard));
        }

        return (turn.Result(), turn.Commands);
    }
}
