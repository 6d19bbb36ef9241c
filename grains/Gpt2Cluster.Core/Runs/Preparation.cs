using Gpt2Cluster.Core.Ports;

namespace Gpt2Cluster.Core.Runs;

/// <summary>A new generation: asks where its replicas stand, makes them equal, and starts.</summary>
internal static class Preparation
{
    public static void Begin(Turn turn)
    {
        var asked = turn.State.Members.Select(member => member with
        {
            Awaited = new PrepareReplica(member.Key, turn.Generation, ReplicaSource.Keep, 0, []),
            Step = null,
            Held = [],
        });
        turn.State = turn.State with { Phase = RunPhase.Standing, ReadySilos = [], Members = [.. asked] };
        SendOutstanding(turn);
    }

    public static void Replica(Turn turn, ReplicaReady ready)
    {
        if (turn.Member(ready.Worker, ready.Generation) is not { Awaited: { } awaited } member)
            return;
        if (ProfileError(turn, ready) is { } error)
        {
            Refusing.RefuseProfile(turn, member, error);
            return;
        }

        // While replicas are made, an answer for another step is a late one to the first question.
        if (awaited.Source != ReplicaSource.Keep && ready.Step != awaited.Step)
            return;
        turn.Replace(member, member with { Awaited = null, Step = ready.Step, Held = ready.Held });
        if (turn.State.Members.Exists(other => other.Awaited is not null))
            return;
        if (turn.State.Phase == RunPhase.Standing)
            Distribute(turn);
        StartWhenReady(turn);
    }

    public static void Exchange(Turn turn, ExchangeReady ready)
    {
        if (ready.Generation != turn.Generation || !Silos(turn).Contains(ready.Silo))
            return;
        turn.State = turn.State with { ReadySilos = turn.State.ReadySilos.Add(ready.Silo) };
        StartWhenReady(turn);
    }

    public static void SendOutstanding(Turn turn)
    {
        foreach (var member in turn.State.Members)
        {
            if (member.Awaited is { } awaited)
                turn.Send(awaited);
        }

        var silos = Silos(turn);
        foreach (var silo in silos.Where(silo => !turn.State.ReadySilos.Contains(silo)))
            turn.Send(new ConfigureExchange(silo, turn.Generation, turn.Specification.MicroBatchCount, silos));
    }

    /// <summary>
    /// The most advanced replica wins, unless the newest checkpoint is further; those behind copy it.
    /// </summary>
    private static void Distribute(Turn turn)
    {
        var saved = turn.Record.NewestCheckpoint?.Step ?? 0;
        var step = Math.Max(saved, turn.State.Members.Max(member => member.Step) ?? 0);
        Adopt(turn, step);
        var holders = turn.State.Members.Where(member => member.Step == step).Select(member => member.Key).ToList();
        var source = step == 0 ? Origin(turn) : holders.Count > 0 ? ReplicaSource.Copy : ReplicaSource.Checkpoint;
        IReadOnlyList<string> copyFrom = source == ReplicaSource.Copy ? holders : [];
        turn.State = turn.State with
        {
            Phase = RunPhase.Preparing,
            Members =
            [
                .. turn.State.Members.Select(member => member.Step == step ? member : member with
                {
                    Awaited = new PrepareReplica(member.Key, turn.Generation, source, step, copyFrom),
                }),
            ],
        };
        foreach (var member in turn.State.Members.Where(member => member.Awaited is not null))
            turn.Send(member.Awaited!);
    }

    private static void Adopt(Turn turn, long step)
    {
        turn.State = turn.State with { Step = step };
        var committed = turn.Record.CommittedStep;
        if (step < committed)
            turn.Warn($"No replica of step {committed} is left; the run goes on from step {step}.");
        if (step <= committed)
            return;
        turn.Warn($"Step {step} was applied, but not all reports of it arrived; its loss is not known.");
        turn.Record = turn.Record with { CommittedStep = step };
        turn.Persist();
    }

    private static void StartWhenReady(Turn turn)
    {
        var isReady = turn.State.Phase == RunPhase.Preparing
            && turn.State.Members.TrueForAll(member => member.Awaited is null)
            && Silos(turn).All(turn.State.ReadySilos.Contains);
        if (!isReady)
            return;
        turn.State = turn.State with { MissingCheckpoint = null, Refusal = null };
        turn.Record = turn.Record with { Status = RunStatus.Running, Remark = null, HasComputed = true };
        turn.Persist();
        var (step, count) = (turn.State.Step, turn.State.Members.Count);
        turn.Tell(new MembershipChanged(step, turn.Generation, count, turn.State.MembershipReason));
        Boundary.Next(turn);
    }

    private static ReplicaSource Origin(Turn turn) =>
        turn.Specification.Model.IsScratch ? ReplicaSource.Initialize : ReplicaSource.Model;

    private static List<string> Silos(Turn turn) => [.. turn.State.Members.Select(member => member.Silo).Distinct()];

    private static string? ProfileError(Turn turn, ReplicaReady ready)
    {
        if (ready.Profile is null)
            return null;
        if (turn.Specification.Exact && !ready.Profile.RepeatsItself)
            return DoesNotRepeat(turn, ready.Worker, ready.Profile);
        if (turn.Record.Profile is not { } expected)
        {
            turn.Record = turn.Record with { Profile = ready.Profile };
            return null;
        }

        if (expected.IsOlderThan(ready.Profile))
        {
            TakeNewerArithmetic(turn, ready.Profile);
            return null;
        }

        if (!turn.Specification.Exact || ready.Profile == expected)
            return null;
        var advice = Advice.NewRun(turn.Specification, "--exact off", turn.Record.Checkpoints.Count > 0);
        return $"Worker {ready.Worker} is refused, as it would compute other bits: "
            + $"{Difference(expected, ready.Profile)}. {advice}";
    }

    private static string DoesNotRepeat(Turn turn, string worker, ComputeProfile profile)
    {
        var advice = Advice.NewRun(turn.Specification, "--exact off", turn.Record.Checkpoints.Count > 0);
        return $"Worker {worker} is refused, as its device ({profile.DeviceClass}) does not repeat itself: the same "
            + "micro-batch gave two gradients of different bits. Look for errors of its memory (nvidia-smi -q, or a "
            + "memory test) and start its silo with other --devices. "
            + $"Or {Advice.LowerFirst(advice)}";
    }

    private static void TakeNewerArithmetic(Turn turn, ComputeProfile newer)
    {
        var step = turn.Record.CommittedStep + 1;
        turn.Record = turn.Record with
        {
            Profile = newer,
            NewerArithmeticSince = turn.Record.NewerArithmeticSince ?? step,
        };
        turn.Warn(
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
