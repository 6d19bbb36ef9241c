using Gpt2Cluster.Core.Devices;

namespace Gpt2Cluster.Core.Runs;

/// <summary>What people ask of a run.</summary>
internal static class Requests
{
    public static void Start(Turn turn)
    {
        KeepDevices(turn);
        if (turn.Record.IsAtRest)
        {
            turn.State = turn.State with { Phase = RunPhase.Resting, HasAsked = true };
            return;
        }

        turn.Record = turn.Record with { Status = RunStatus.Queued };
        if (turn.Record.Asked is { } asked)
            turn.State = turn.State with { Ending = new Ending(asked, null) };
        turn.Persist();
    }

    /// <summary>Which class of devices serves the run is settled once, and stored before anybody is asked.</summary>
    public static void Choose(Turn turn, DevicesChosen chosen)
    {
        var (devices, specification) = (chosen.Devices, turn.Specification);
        if (turn.Record.Devices is not null)
            return;
        turn.Record = turn.Record with
        {
            Specification = specification with
            {
                Device = devices.Kind,
                Precision = specification.Precision ?? devices.Precision,
                ThreadsPerWorker = specification.ThreadsPerWorker ?? chosen.Threads,
            },
            Devices = new ServingDevices(devices.Kind, devices.Class),
        };
        turn.Persist();
    }

    /// <summary>A run of before there was a choice goes on with the devices it has computed on.</summary>
    private static void KeepDevices(Turn turn)
    {
        if (turn.Record is not { Profile: { } profile, Devices: null })
            return;
        var kind = profile.DeviceClass == DeviceKind.Cpu.Word() ? DeviceKind.Cpu : DeviceKind.Cuda;
        turn.Record = turn.Record with
        {
            Specification = turn.Specification with { Device = kind },
            Devices = new ServingDevices(kind, null),
        };
    }

    public static void Pause(Turn turn) => End(turn, RunStatus.Paused);

    public static void Cancel(Turn turn)
    {
        if (turn.State.Phase != RunPhase.Resting)
        {
            End(turn, RunStatus.Cancelled);
        }
        else if (turn.Record.CanResume)
        {
            turn.State = turn.State with { Ending = new Ending(RunStatus.Cancelled, null) };
            Endings.Finish(turn);
        }
    }

    public static void Resume(Turn turn, ResumeRequested request)
    {
        if (turn.State.Phase == RunPhase.Resting && !turn.Record.CanResume)
            return;
        turn.Record = turn.Record with
        {
            PauseAt = request.PauseAt,
            Specification = turn.Specification with { Workers = request.Workers ?? turn.Specification.Workers },
        };
        if (turn.State.Phase == RunPhase.Resting)
            WakeUp(turn);
        else
            TakeBackPause(turn);
    }

    private static void WakeUp(Turn turn)
    {
        turn.Record = turn.Record with { Status = RunStatus.Queued, Remark = null, HasComputed = false };
        turn.State = turn.State with
        {
            Phase = RunPhase.Waiting,
            WaitingSince = turn.State.Now,
            Refusal = null,
            Refused = [],
        };
        turn.Persist();
    }

    private static void TakeBackPause(Turn turn)
    {
        if (turn.State.Ending?.Status == RunStatus.Paused)
        {
            turn.State = turn.State with { Ending = null };
            turn.Record = turn.Record with { Asked = null };
        }

        turn.Persist();
        if (turn.State is { Phase: RunPhase.Saving, Ending: null })
            Boundary.Next(turn);
    }

    private static void End(Turn turn, RunStatus status)
    {
        var isFixed = turn.State.Ending?.Status is RunStatus.Cancelled or RunStatus.Failed;
        if (turn.State.Phase == RunPhase.Resting || isFixed)
            return;
        turn.State = turn.State with { Ending = new Ending(status, null) };
        turn.Record = turn.Record with { Asked = status };
        if (turn.State.MissingCheckpoint is not null)
            Endings.Finish(turn);
        else if (turn.State is { Phase: RunPhase.Waiting, Members.IsEmpty: true } && !MayBeServed(turn))
            Endings.Finish(turn);
        else
            turn.Persist();
        // Survivors that are too few to go on are enough to save what they hold.
        if (turn.State is { Phase: RunPhase.Waiting, Members.IsEmpty: false })
            Membership.Form(turn, "the run ends");
    }

    /// <summary>
    /// Before a coordinator was offered workers for the first time: those of the one before may hold more than the
    /// newest checkpoint does.
    /// </summary>
    private static bool MayBeServed(Turn turn) => turn.Generation > 0 && !turn.State.HasAsked;
}
