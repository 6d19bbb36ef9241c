using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Core.Tests.Runs;

/// <summary>
/// Workers, a store and a network without tensors: executes what <see cref="RunMachine"/> commands, delivers answers in
/// random
/// order, loses and repeats messages, kills workers and coordinators, and checks on the way what must always hold.
/// </summary>
internal sealed class SimulatedCluster
{
    private readonly Random random;
    private readonly List<RunEvent> mail = [];
    private readonly Dictionary<string, Replica> live = [];
    private readonly HashSet<long> disk = [];
    private RunRecord stored;
    private RunState state;
    private TimeSpan now;
    private int nextName;

    public SimulatedCluster(RunSpecification specification, int seed)
    {
        random = new Random(seed);
        stored = new RunRecord { Specification = specification };
        state = new RunState(stored);
        Hear(new Started());
    }

    public Finish? End { get; private set; }

    public RunRecord Stored => stored;

    public List<long> Committed { get; } = [];

    public List<RunNotice> Notices { get; } = [];

    public int LiveCount => live.Count;

    public RunState State => state;

    public void Join()
    {
        live[$"silo{nextName++ % 3}/{nextName}"] = new Replica();
        OfferAll();
    }

    public void Kill()
    {
        if (live.Count == 0)
            return;
        var victim = live.Keys.ElementAt(random.Next(live.Count));
        live.Remove(victim);
        mail.Add(new WorkerLost(victim, state.Record.Generation, "killed"));
    }

    /// <summary>
    /// Kills a worker that comes back at once under its name, so that no call to it fails: only what it refuses and
    /// what is offered say that its replica is gone.
    /// </summary>
    public void Restart()
    {
        if (live.Count > 0)
            live[live.Keys.ElementAt(random.Next(live.Count))] = new Replica { Incarnation = $"{nextName++}" };
    }

    public void KillCoordinator()
    {
        mail.Clear();
        state = new RunState(stored);
        now = TimeSpan.Zero;
        Hear(new Started());
        Hear(new CheckpointsFound([.. disk.Select(Found)]));
        OfferAll();
    }

    public void OfferAll() =>
        mail.Add(new WorkersOffered(
            [.. live.Select(pair => new OfferedWorker(pair.Key, pair.Key.Split('/')[0], pair.Value.Incarnation))],
            live.Count,
            []));

    public void Tell(RunEvent heard) => mail.Add(heard);

    /// <summary>Delivers one message, at random; time passes when there is none.</summary>
    public void Deliver()
    {
        now += TimeSpan.FromSeconds(random.NextDouble());
        if (mail.Count == 0 || random.Next(20) == 0)
        {
            Hear(new Ticked());
            return;
        }

        var next = mail[random.Next(mail.Count)];
        if (random.Next(10) != 0)
            mail.Remove(next);
        Hear(next);
    }

    private void Hear(RunEvent heard)
    {
        var before = state;
        (state, var commands) = RunMachine.Decide(state, heard with { At = now });
        Assert.True(state.Record.Generation >= before.Record.Generation, "The generation fell.");
        var planned = commands.OfType<PlanStep>().Select(plan => plan.Step).Distinct().ToList();
        Assert.True(planned.Count <= 1, "Plans for two steps at once.");
        if (planned.Count == 1)
            Assert.Equal(state.Step + 1, planned[0]);
        foreach (var command in commands)
        {
            // A coordinator may die between any two commands: what it has stored by then must lie on the disk.
            Execute(command);
            Assert.All(stored.Checkpoints, entry => Assert.Contains(entry.Step, disk));
        }
    }

    private void Execute(RunCommand command)
    {
        switch (command)
        {
            case PersistRecord persist:
                Assert.True(persist.Record.Generation >= stored.Generation, "An older generation was stored.");
                stored = persist.Record;
                break;
            case Publish { Notice: StepCommitted committed }:
                Assert.Equal(committed.Step, stored.CommittedStep);
                Committed.Add(committed.Step);
                Notices.Add(committed);
                break;
            case Publish publish: Notices.Add(publish.Notice); break;
            case Finish finish: End = finish; break;
            case ConfigureExchange configure: mail.Add(new ExchangeReady(configure.Silo, configure.Generation)); break;
            case PrepareReplica work: Take(work); break;
            case PlanStep plan: Obey(plan.Worker, plan.Generation, replica => Compute(replica, plan)); break;
            case Validate work: Obey(work.Worker, work.Generation, replica => Check(replica, work)); break;
            case Sample work: Obey(work.Worker, work.Generation, replica => Draw(replica, work)); break;
            case DeleteCheckpoints delete: Delete(delete); break;
            case WriteCheckpoint write: Obey(write.Worker, write.Generation, replica => Save(replica, write)); break;
            case ReleaseWorkers release: release.Workers.ToList().ForEach(key => Forget(key)); break;
            default: throw new InvalidOperationException(command.ToString());
        }
    }

    private FoundCheckpoint Found(long step) =>
        new(new CheckpointEntry(step, $"hash{step}", "silo0", $"/c/{step}", null), stored);

    private void Forget(string key)
    {
        if (live.TryGetValue(key, out var replica))
            replica.Step = null;
    }

    private void Take(PrepareReplica command)
    {
        if (!live.TryGetValue(command.Worker, out var replica) || IsLost())
            return;
        if (command.Generation < replica.Generation)
        {
            Refuse(command.Worker, command.Generation);
            return;
        }

        replica.Generation = command.Generation;
        Prepare(replica, command);
    }

    private void Obey(string worker, int generation, Action<Replica> work)
    {
        if (!live.TryGetValue(worker, out var replica) || IsLost())
            return;
        if (generation == replica.Generation)
            work(replica);
        else
            Refuse(worker, generation);
    }

    private bool IsLost() => random.Next(30) == 0;

    private void Refuse(string worker, int generation) =>
        mail.Add(new WorkerLost(worker, generation, "it does not serve this generation"));

    private void Prepare(Replica replica, PrepareReplica command)
    {
        if (command.Source == ReplicaSource.Copy)
            Assert.NotEmpty(command.CopyFrom);
        if (command.Source == ReplicaSource.Checkpoint && random.Next(3) == 0)
        {
            mail.Add(new CheckpointUnreachable(command.Worker, command.Generation, command.Step, "nobody answers"));
            return;
        }

        if (command.Source == ReplicaSource.Checkpoint && random.Next(10) == 0)
            mail.Add(new CheckpointDamaged(command.Step, "it does not verify"));
        else if (command.Source != ReplicaSource.Keep)
            replica.Step = command.Step;
        mail.Add(new ReplicaReady(command.Worker, command.Generation, replica.Step, Profiles.Cpu));
    }

    private void Delete(DeleteCheckpoints command)
    {
        Assert.Equal(stored.Checkpoints.Select(entry => entry.Step), command.Kept);
        disk.RemoveWhere(step => step < command.Kept[^1] && !command.Kept.Contains(step));
    }

    // A worker's replica moves at once: other workers of the step may be killed before they do.
    private void Compute(Replica replica, PlanStep plan)
    {
        Assert.InRange(replica.Step ?? -1, plan.Step - 1, plan.Step);
        replica.Step = plan.Step;
        mail.Add(new StepReported
        {
            Worker = plan.Worker,
            Generation = plan.Generation,
            Step = plan.Step,
            Losses = [.. Enumerable.Range(plan.Range.First, plan.Range.Count).Select(index => Loss(plan.Step, index))],
            GradientNorm = plan.Step,
            Applied = true,
            Compute = TimeSpan.FromSeconds(random.NextDouble() * plan.Range.Count),
        });
    }

    private void Check(Replica replica, Validate command)
    {
        Assert.Equal(command.Step, replica.Step);
        var specification = stored.Specification;
        var windows = specification.ValidationWindows()!.WindowCount;
        var end = Math.Min(windows, command.Range.End * specification.BatchSize);
        var count = (int)(end - (command.Range.First * specification.BatchSize));
        mail.Add(new ValidationReported(
            command.Worker, command.Generation, command.Step, [.. Enumerable.Repeat(10.0, count)]));
    }

    private void Draw(Replica replica, Sample command)
    {
        Assert.Equal(command.Step, replica.Step);
        mail.Add(new SampleReported(
            command.Worker, command.Generation, command.Step, [.. Enumerable.Repeat("text", command.Range.Count)]));
    }

    private void Save(Replica replica, WriteCheckpoint command)
    {
        if (replica.Step != command.Step)
        {
            mail.Add(new CheckpointFailed(command.Worker, command.Step, $"the replica stands at {replica.Step}"));
            return;
        }

        if (random.Next(5) == 0)
        {
            mail.Add(new CheckpointFailed(command.Worker, command.Step, "no space"));
            return;
        }

        disk.Add(command.Step);
        mail.Add(new CheckpointWritten(
            command.Worker, command.Step, $"hash{command.Step}", $"/c/{command.Step}", TimeSpan.FromSeconds(1)));
    }

    public static double Loss(long step, int microBatch) => (1.0 / step) + microBatch;

    private sealed class Replica
    {
        public string Incarnation { get; init; } = "1";

        public int Generation { get; set; }

        public long? Step { get; set; }
    }
}

internal static class Profiles
{
    public static ComputeProfile Cpu { get; } = new("cpu", "AVX2", Precision.Float32, 1, "2.10", "f00d");
}
