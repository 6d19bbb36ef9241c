using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Runs.Planning;
using Gpt2Cluster.Core.Runs.State;

namespace Gpt2Cluster.Core.Runs.Activities;

/// <summary>A new generation: hears where its replicas stand, makes them equal, and starts.</summary>
internal static class Preparation
{
    public static void Replica(Transition transition, ReplicaReady ready)
    {
        if (transition.Member(ready.Worker, ready.Generation) is not { Awaited: { } awaited } member)
            return;
        if (ProfileError(transition, ready) is { } error)
        {
            FaultReports.RefuseProfile(transition, member, error);
            return;
        }

        // While replicas are made, an answer for another step is a late one to the first question.
        if (awaited.Source != ReplicaSource.Keep && ready.Step != awaited.Step)
            return;
        transition.Replace(member, member with { Awaited = null, Step = ready.Step, Held = ready.Held });
        if (transition.State.Members.Exists(other => other.Awaited is not null))
            return;
        if (transition.State.Phase is RunPhase.Surveying surveyed)
            Distribute(transition, surveyed);
        StartWhenReady(transition);
    }

    public static void Exchange(Transition transition, ExchangeReady ready)
    {
        if (ready.Generation != transition.Generation || transition.State.Phase is not RunPhase.Forming forming
            || !transition.State.Silos.Contains(ready.Silo))
            return;
        transition.Continue(forming with { ReadySilos = forming.ReadySilos.Add(ready.Silo) });
        StartWhenReady(transition);
    }

    /// <summary>
    /// The most advanced replica wins, unless the newest checkpoint is further; those behind copy it.
    /// </summary>
    private static void Distribute(Transition transition, RunPhase.Surveying surveyed)
    {
        var (members, saved) = (transition.State.Members, transition.Record.NewestCheckpoint?.Step ?? 0);
        var step = Math.Max(saved, members.Max(member => member.Step) ?? 0);
        Adopt(transition, step);
        List<string> holders = [.. members.Where(member => member.Step == step).Select(member => member.Key)];
        var source = step == 0 ? Origin(transition) : holders.Count > 0 ? ReplicaSource.Copy : ReplicaSource.Checkpoint;
        IReadOnlyList<string> copyFrom = source == ReplicaSource.Copy ? holders : [];
        transition.State = transition.State with
        {
            Members =
            [
                .. transition.State.Members.Select(member => member.Step == step ? member : member with
                {
                    Awaited = new PrepareReplica(member.Key, transition.Generation, source, step, copyFrom),
                }),
            ],
        };
        transition.BecomePreparing(surveyed);
        transition.SendAll(Outstanding.Preparations(transition.State));
    }

    private static void Adopt(Transition transition, long step)
    {
        transition.State = transition.State with { Step = step };
        var committed = transition.Record.CommittedStep;
        if (step < committed)
            transition.Warn($"No replica of step {committed} is left; the run goes on from step {step}.");
        if (step <= committed)
            return;
        transition.Warn($"Step {step} was applied, but not all reports of it arrived; its loss is not known.");
        transition.Record = transition.Record with { CommittedStep = step };
        transition.Persist();
    }

    private static void StartWhenReady(Transition transition)
    {
        var isReady = transition.State.Phase is RunPhase.Preparing preparing
            && transition.State.Members.TrueForAll(member => member.Awaited is null)
            && transition.State.Silos.All(preparing.ReadySilos.Contains);
        if (!isReady)
            return;
        transition.State = transition.State with { Refusal = null };
        transition.Checkpointing = transition.Checkpointing with { Missing = null };
        transition.Record = transition.Record with { Status = RunStatus.Running, Remark = null, HasComputed = true };
        transition.Persist();
        var (step, count) = (transition.State.Step, transition.State.Members.Count);
        transition.Publish(
            new MembershipChanged(step, transition.Generation, count, transition.State.MembershipReason));
        transition.BecomeDeciding();
    }

    private static ReplicaSource Origin(Transition transition) =>
        transition.Specification.Model.IsScratch ? ReplicaSource.Initialize : ReplicaSource.Model;

    private static string? ProfileError(Transition transition, ReplicaReady ready)
    {
        if (ready.Profile is null)
            return null;
        if (transition.Specification.Exact && !ready.Profile.RepeatsItself)
            return DoesNotRepeat(transition, ready.Worker, ready.Profile);
        if (transition.Record.Profile is not { } expected)
        {
            transition.Record = transition.Record with { Profile = ready.Profile };
            return null;
        }

        if (expected.IsOlderThan(ready.Profile))
        {
            TakeNewerArithmetic(transition, ready.Profile);
            return null;
        }

        if (!transition.Specification.Exact || ready.Profile == expected)
            return null;
        var advice = Advice.NewRun(transition.Specification, "--exact off", transition.Record.Checkpoints.Count > 0);
        return $"Worker {ready.Worker} is refused, as it would compute other bits: "
            + $"{Difference(expected, ready.Profile)}. {advice}";
    }

    private static string DoesNotRepeat(Transition transition, string worker, ComputeProfile profile)
    {
        var advice = Advice.NewRun(transition.Specification, "--exact off", transition.Record.Checkpoints.Count > 0);
        return $"Worker {worker} is refused, as its device ({profile.DeviceClass}) does not repeat itself: the same "
            + "micro-batch gave two gradients of different bits. Look for errors of its memory (nvidia-smi -q, or a "
            + "memory test) and start its silo with other --devices. "
            + $"Or {Advice.LowerFirst(advice)}";
    }

    private static void TakeNewerArithmetic(Transition transition, ComputeProfile newer)
    {
        var step = transition.Record.CommittedStep + 1;
        transition.Record = transition.Record with
        {
            Profile = newer,
            NewerArithmeticSince = transition.Record.NewerArithmeticSince ?? step,
        };
        transition.Warn(
            $"This version computes otherwise than the one the run began with: from step {step} on its bits are not "
            + "those of a run that this version began.");
    }

    private static string Difference(ComputeProfile expected, ComputeProfile found)
    {
        (string Name, object Expected, object Found)[] parts =
        [
            ("device class", expected.DeviceClass, found.DeviceClass),
            ("instruction set", expected.InstructionSet, found.InstructionSet),
            ("precision", expected.Precision, found.Precision),
            ("number of threads", expected.Threads, found.Threads),
            ("libtorch version", expected.TorchVersion, found.TorchVersion),
            ("version of the arithmetic", expected.Arithmetic, found.Arithmetic),
            ("fingerprint", expected.Fingerprint, found.Fingerprint),
        ];
        var (name, wanted, has) = parts.First(part => !part.Expected.Equals(part.Found));
        return $"its {name} is {has} and the run's is {wanted}";
    }
}
