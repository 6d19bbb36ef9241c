using Gpt2Cluster.Core.Runs.Activities;
using Gpt2Cluster.Core.Runs.State;

namespace Gpt2Cluster.Core.Runs;

/// <summary>
/// The coordinator's brain: a pure function from what is known and what was heard to what is to be done.
/// </summary>
/// <remarks>
/// A run waits for workers; asks where their replicas stand and makes them equal; then goes from step to step, and
/// between two steps validates, samples, saves, lets workers join, or ends. Each of these has a file of its own, and
/// <see cref="NextActivity"/> chooses among them; <see cref="RunPhase"/> and <c>docs/run-phases.md</c> say what follows
/// what.
/// </remarks>
public static class RunMachine
{
    /// <summary>Decides.</summary>
    /// <param name="state">What is known.</param>
    /// <param name="heard">What was heard.</param>
    /// <returns>What is known now, and what is to be done, in order.</returns>
    public static (RunState State, IReadOnlyList<RunCommand> Commands) Decide(RunState state, CoordinatorInput heard)
    {
        ArgumentNullException.ThrowIfNull(state);
        ArgumentNullException.ThrowIfNull(heard);
        var transition = new Transition(state, heard);
        Handle(transition, heard);
        Settle(transition);
        return (transition.Result(), transition.Commands);
    }

    /// <summary>Goes on from a boundary until something is in flight, or the run waits or rests.</summary>
    private static void Settle(Transition transition)
    {
        while (transition.State.Phase is RunPhase.Deciding { FailedSaveCount: var failedSaveCount })
        {
            transition.State = transition.State with { Ending = Completion.Due(transition.State) };
            switch (NextActivity.Of(transition.State, failedSaveCount))
            {
                case Activity.LetGo: Draining.LetGo(transition, failedSaveCount); break;
                case Activity.HandOver: Draining.HandOver(transition); break;
                case Activity.Validate: Validation.Begin(transition); break;
                case Activity.Sample: Sampling.Begin(transition); break;
                case Activity.AwaitCheckpoint: transition.BecomeSaving(failedCount: 0); break;
                case Activity.SaveLast: CheckpointWriting.SaveLast(transition, failedSaveCount); break;
                case Activity.End: Completion.End(transition, failedSaveCount); break;
                case Activity.BeginCheckpoint: CheckpointWriting.BeginOrRemember(transition); break;
                case Activity.Admit: Membership.Admit(transition); break;
                case Activity.Step: Stepping.Plan(transition); break;
                default: throw new InvalidOperationException("Unknown activity.");
            }
        }
    }

    private static void Handle(Transition transition, CoordinatorInput heard)
    {
        switch (heard)
        {
            case Started: Requests.Start(transition); break;
            case PauseRequested: Requests.Pause(transition); break;
            case ResumeRequested request: Requests.Resume(transition, request); break;
            case CancelRequested: Requests.Cancel(transition); break;
            case HoldRequested request: CheckpointHolds.Hold(transition, request); break;
            case HoldReleased released: CheckpointHolds.Release(transition, released); break;
            case DeletionRequested request: Requests.Delete(transition, request); break;
            case DevicesChosen chosen: Requests.Choose(transition, chosen); break;
            case WorkersOffered offer: Offers.Offer(transition, offer); break;
            case WorkerLost lost: FaultReports.Lost(transition, lost); break;
            case WorkerTroubled trouble: FaultReports.Troubled(transition, trouble); break;
            case SiloUnreachable report: FaultReports.Unreachable(transition, report); break;
            case ReplicaReady ready: Preparation.Replica(transition, ready); break;
            case ExchangeReady ready: Preparation.Exchange(transition, ready); break;
            case StepReported report: Stepping.Report(transition, report); break;
            case ValidationReported report: Validation.Report(transition, report); break;
            case SampleReported report: Sampling.Report(transition, report); break;
            case CheckpointWritten written: CheckpointWriting.Written(transition, written); break;
            case CheckpointFailed failed: CheckpointWriting.Failed(transition, failed); break;
            case CheckpointCopied copied: CheckpointCopies.Copied(transition, copied); break;
            case CheckpointNotCopied failed: CheckpointCopies.Failed(transition, failed); break;
            case CheckpointDamaged damaged: CheckpointLoss.Damaged(transition, damaged); break;
            case CheckpointsFound found: Recovery.Found(transition, found); break;
            case CheckpointUnreachable missing: CheckpointLoss.Unreachable(transition, missing); break;
            case Ticked: Tick(transition); break;
            default: throw new ArgumentException($"Unknown event {heard.GetType().Name}.", nameof(heard));
        }
    }

    private static void Tick(Transition transition)
    {
        Action<Transition>[] duties =
        [
            Watchdog.TryAnotherDisk, Watchdog.TryAnotherCopy, Watchdog.SayWhatIsAwaited,
            Retransmission.RepeatCheckpoint, FaultReports.ReadmitInTime,
            CheckpointCopies.OrderNext, CheckpointCopies.StopWaiting, Offers.GiveUpWaiting,
        ];
        foreach (var duty in duties)
        {
            duty(transition);
            Settle(transition);
        }

        if (!Offers.ReadmitTroubled(transition))
            Retransmission.SendOutstanding(transition);
    }
}
