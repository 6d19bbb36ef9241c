using Gpt2Cluster.Core.Devices;
using Gpt2Cluster.Core.Runs.State;

namespace Gpt2Cluster.Core.Runs.Activities;

/// <summary>What people ask of a run.</summary>
internal static class Requests
{
    public static void Start(Transition transition)
    {
        KeepDevices(transition);
        if (transition.Record.IsAtRest)
        {
            transition.BecomeResting(transition.State.Step);
            return;
        }

        transition.Record = transition.Record with { Status = RunStatus.Queued };
        if (transition.Record.Asked is { } asked)
            transition.State = transition.State with { Ending = new Ending(asked, null) };
        transition.Persist();
    }

    /// <summary>Which class of devices serves the run is settled once, and stored before anybody is asked.</summary>
    public static void Choose(Transition transition, DevicesChosen chosen)
    {
        var (devices, specification) = (chosen.Devices, transition.Specification);
        if (transition.Record.Devices is not null)
            return;
        transition.Record = transition.Record with
        {
            Specification = specification with
            {
                Device = devices.Kind,
                Precision = specification.Precision ?? devices.Precision,
                ThreadsPerWorker = specification.ThreadsPerWorker ?? chosen.Threads,
            },
            Devices = new ServingDevices(devices.Kind, devices.Class),
        };
        transition.Persist();
    }

    /// <summary>A run of before there was a choice goes on with the devices it has computed on.</summary>
    private static void KeepDevices(Transition transition)
    {
        if (transition.Record is not { Profile: { } profile, Devices: null })
            return;
        var kind = profile.DeviceClass == DeviceKind.Cpu.Word() ? DeviceKind.Cpu : DeviceKind.Cuda;
        transition.Record = transition.Record with
        {
            Specification = transition.Specification with { Device = kind },
            Devices = new ServingDevices(kind, null),
        };
    }

    public static void Pause(Transition transition) => End(transition, RunStatus.Paused);

    public static void Cancel(Transition transition)
    {
        if (!transition.State.IsResting)
        {
            End(transition, RunStatus.Cancelled);
        }
        else if (transition.Record.CanResume)
        {
            transition.State = transition.State with { Ending = new Ending(RunStatus.Cancelled, null) };
            Completion.Finish(transition);
        }
    }

    public static void Resume(Transition transition, ResumeRequested request)
    {
        if (transition.State.IsResting && !transition.Record.CanResume)
            return;
        var specification = transition.Specification;
        transition.Record = transition.Record with
        {
            PauseAt = request.PauseAt,
            Specification = specification with { Workers = request.Workers ?? specification.Workers },
        };
        if (transition.State.IsResting)
            WakeUp(transition);
        else
            TakeBackPause(transition);
    }

    /// <summary>Forgets a run that rests and on which nobody stands.</summary>
    public static void Delete(Transition transition, DeletionRequested request)
    {
        var record = transition.Record;
        if (request.Life != record.Life || !record.IsAtRest || record.Holds.Count > 0)
            return;
        var lives = record.DeletedLives.Union(record.AllLives);
        transition.Send(new ForgetRun([.. lives.TakeLast(Deletion.RememberedLives)]));
    }

    private static void WakeUp(Transition transition)
    {
        transition.Record = transition.Record with { Status = RunStatus.Queued, Remark = null, HasComputed = false };
        transition.BecomeWaiting();
        transition.Persist();
    }

    private static void TakeBackPause(Transition transition)
    {
        if (transition.State.Ending?.Status == RunStatus.Paused)
        {
            transition.State = transition.State with { Ending = null };
            transition.Record = transition.Record with { Asked = null };
        }

        transition.Persist();
        if (transition.State is { Phase: RunPhase.Saving, Ending: null })
            transition.BecomeDeciding();
    }

    private static void End(Transition transition, RunStatus status)
    {
        var isFixed = transition.State.Ending?.Status is RunStatus.Cancelled or RunStatus.Failed;
        if (transition.State.IsResting || isFixed)
            return;
        transition.State = transition.State with { Ending = new Ending(status, null) };
        transition.Record = transition.Record with { Asked = status };
        var isUnserved = transition.State is
        { Phase: RunPhase.Waiting, Members.IsEmpty: true, MayHaveUnaskedWorkers: false };
        if (transition.Checkpointing.Missing is not null || isUnserved)
            Completion.Finish(transition);
        else
            transition.Persist();
        // Survivors that are too few to go on are enough to save what they hold.
        if (transition.State is { Phase: RunPhase.Waiting, Members.IsEmpty: false })
            Membership.Form(transition, "the run ends");
    }
}
