using Gpt2Cluster.Core.Reduction;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Core.Runs.State;
using Gpt2Cluster.Core.Specification;
using Gpt2Cluster.Core.Tests.Reduction;

namespace Gpt2Cluster.Core.Tests.Runs;

/// <summary>
/// Workers, a store and a network without tensors: executes what <see cref="RunMachine"/> commands, delivers answers in
/// random order, loses and repeats messages, kills workers and coordinators, and checks on the way what must always
/// hold. The model has one parameter.
/// </summary>
internal sealed class SimulatedCluster
{
    private readonly Random random;
    private readonly List<CoordinatorInput> mail = [];
    private readonly Dictionary<string, SimulatedWorker> live = [];
    private readonly List<SimulatedWorker> all = [];
    private readonly HashSet<(SimulatedWorker Worker, long Step)> lost = [];
    private readonly Dictionary<(long Step, int Generation), DumbReducer> reducers = [];
    private readonly Dictionary<long, float> parameters = new() { [0] = 0.5f };
    private readonly SimulatedDisks disks = new();
    private readonly HashSet<string> leaving = [];
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

    /// <summary>Whether disks never fail, and offers come in their order, as the coordinator asks for them.</summary>
    public bool IsCalm { get; init; }

    public Finish? End { get; private set; }

    public RunRecord Stored => stored;

    public List<long> Committed { get; } = [];

    public List<RunNotice> Notices { get; } = [];

    public int LiveCount => live.Count;

    /// <summary>The parameter after each step that anybody has applied.</summary>
    public IReadOnlyDictionary<long, float> Parameters => parameters;

    /// <summary>Micro-batches of a step that were computed in all, some of them more than once.</summary>
    public int ComputedCount(long step) => all.Sum(worker => worker.ComputedCount(step));

    /// <summary>Those of them that workers computed which died, or were taken for dead, in that step.</summary>
    public int LostCount(long step) =>
        lost.Where(each => each.Step == step).Sum(each => each.Worker.ComputedCount(step));

    public RunState State => state;

    public void Join()
    {
        live[$"silo{nextName++ % 3}/{nextName}"] = NewWorker("1");
        OfferAll();
    }

    public void Kill()
    {
        if (live.Count == 0)
            return;
        var victim = live.Keys.ElementAt(random.Next(live.Count));
        Lose(victim);
        live.Remove(victim);
        mail.Add(new WorkerLost(victim, state.Record.Generation, "killed"));
    }

    /// <summary>
    /// Kills a worker that comes back at once under its name, so that no call to it fails: only what it refuses and
    /// what is offered say that its replica is gone.
    /// </summary>
    public void Restart()
    {
        if (live.Count == 0)
            return;
        var victim = live.Keys.ElementAt(random.Next(live.Count));
        Lose(victim);
        live[victim] = NewWorker($"{nextName++}");
    }

    /// <summary>A worker's silo is told to stop: it ends when the run lets it go.</summary>
    public void Drain()
    {
        if (live.Count > 0)
            leaving.Add(live.Keys.ElementAt(random.Next(live.Count)));
        OfferAll();
    }

    /// <summary>All machines lose power, and one of them its disk; they come back without workers.</summary>
    public void BurnDown()
    {
        foreach (var key in live.Keys.ToList())
            Lose(key);
        live.Clear();
        leaving.Clear();
        disks.Lose(SimulatedDisks.Silos[random.Next(SimulatedDisks.Silos.Length)]);
        KillCoordinator();
    }

    public void KillCoordinator()
    {
        mail.Clear();
        state = new RunState(stored);
        now = TimeSpan.Zero;
        Hear(new Started());
        Hear(new CheckpointsFound([.. disks.Entries.Select(entry => new FoundCheckpoint(entry, stored))]));
        OfferAll();
    }

    public void OfferAll()
    {
        if (IsCalm)
            mail.RemoveAll(heard => heard is WorkersOffered);
        mail.Add(new WorkersOffered(
            [.. live.Select(pair => new OfferedWorker(pair.Key, pair.Key.Split('/')[0], pair.Value.Incarnation)
            {
                Leaving = leaving.Contains(pair.Key) ? "its silo stops" : null,
            })],
            live.Count,
            [])
        {
            Disks = disks.Now,
        });
    }

    public void Tell(CoordinatorInput heard) => mail.Add(heard);

    /// <summary>Lets a worker work or delivers one message, at random; time passes when there is none.</summary>
    public void Deliver()
    {
        if (random.Next(2) == 0 && Work())
            return;
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

    private SimulatedWorker NewWorker(string incarnation)
    {
        all.Add(new SimulatedWorker(stored.Specification.MicroBatchCount, incarnation));
        return all[^1];
    }

    private void Lose(string key)
    {
        if (live.TryGetValue(key, out var worker))
            lost.Add((worker, worker.FoldedStep));
    }

    private void Hear(CoordinatorInput heard)
    {
        var before = state;
        (state, var commands) = RunMachine.Decide(state, heard with { At = now });
        Assert.True(state.Record.Generation >= before.Record.Generation, "The generation fell.");
        var members = state.Members.Select(member => member.Key);
        foreach (var key in before.Members.Select(member => member.Key).Except(members))
            Lose(key);
        var planned = commands.OfType<PlanStep>().Select(plan => plan.Step).Distinct().ToList();
        Assert.True(planned.Count <= 1, "Plans for two steps at once.");
        if (planned.Count == 1)
            Assert.Equal(state.Step + 1, planned[0]);
        foreach (var command in commands)
        {
            // A coordinator may die between any two commands: what it has stored by then must lie on the disk.
            Execute(command);
            disks.AssertHold(stored.Checkpoints);
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
                Assert.Equal(committed.Loss, stored.LastLoss);
                Committed.Add(committed.Step);
                Notices.Add(committed);
                break;
            case Publish publish: Notices.Add(publish.Notice); break;
            case Finish finish: End = finish; break;
            case ConfigureExchange configure: mail.Add(new ExchangeReady(configure.Silo, configure.Generation)); break;
            case PrepareReplica work: Take(work); break;
            case PlanStep plan: Obey(plan.Worker, plan.Generation, worker => Begin(worker, plan)); break;
            case Validate work: Obey(work.Worker, work.Generation, replica => Check(replica, work)); break;
            case Sample work: Obey(work.Worker, work.Generation, replica => Draw(replica, work)); break;
            case CopyCheckpoint copy: Copy(copy); break;
            case DeleteCheckpoints delete: Delete(delete); break;
            case WriteCheckpoint write: Obey(write.Worker, write.Generation, replica => Save(replica, write)); break;
            case ReleaseWorkers release: release.Workers.ToList().ForEach(key => Forget(key)); break;
            default: throw new InvalidOperationException(command.ToString());
        }
    }

    private void Copy(CopyCheckpoint copy)
    {
        Assert.NotEqual(copy.From, copy.Silo);
        if (!IsCalm && random.Next(3) == 0)
            mail.Add(new CheckpointNotCopied(copy.Silo, copy.Step, "the disk is full"));
        else if (disks.Copy(copy))
            mail.Add(new CheckpointCopied(copy.Silo, copy.Step, copy.DataFolderId));
        else
            mail.Add(new CheckpointNotCopied(copy.Silo, copy.Step, "it is not there"));
    }

    private void Forget(string key)
    {
        if (leaving.Remove(key))
            live.Remove(key);
        if (live.TryGetValue(key, out var replica))
            replica.Replace(null);
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

        replica.Serve(command.Generation);
        Prepare(replica, command);
    }

    private void Obey(string worker, int generation, Action<SimulatedWorker> work)
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

    private void Prepare(SimulatedWorker replica, PrepareReplica command)
    {
        if (command.Source == ReplicaSource.Copy)
            Assert.NotEmpty(command.CopyFrom);
        if (command.Source == ReplicaSource.Checkpoint && random.Next(3) == 0)
        {
            mail.Add(new CheckpointUnreachable(command.Worker, command.Generation, command.Step, "nobody answers"));
            return;
        }

        var isDamaged = !disks.Has(command.Step) || (!IsCalm && random.Next(10) == 0);
        if (command.Source == ReplicaSource.Checkpoint && isDamaged)
            mail.Add(new CheckpointDamaged(command.Step, "it does not verify"));
        else if (command.Source != ReplicaSource.Keep)
            replica.Replace(command.Step);
        mail.Add(new ReplicaReady(command.Worker, command.Generation, replica.Step, Profiles.Cpu)
        {
            Held = replica.Held,
        });
    }

    private void Delete(DeleteCheckpoints command)
    {
        Assert.Equal(stored.Checkpoints.Select(entry => entry.Step), command.Kept);
        disks.DeleteAllBut(command.Kept);
    }

    private void Begin(SimulatedWorker worker, PlanStep plan)
    {
        if ((worker.Plan?.Generation, worker.Plan?.Step) == (plan.Generation, plan.Step))
        {
            if (worker.Report is { } report)
                mail.Add(report);
            return;
        }

        Assert.Equal(plan.Step - 1, worker.Step);
        worker.Begin(plan);
        Contribute(worker, plan);
    }

    /// <summary>One worker computes its next leaf, or applies a step of which all sums are there.</summary>
    private bool Work()
    {
        var able = live.Values.Where(worker => worker is { Plan: { } plan, Report: null }
            && (!worker.IsFolded || ReducerOf(plan).IsComplete)).ToList();
        if (able.Count == 0)
            return false;
        var worker = able[random.Next(able.Count)];
        var plan = worker.Plan!;
        if (worker.IsFolded)
        {
            Apply(worker, plan);
            return true;
        }

        worker.Compute(leaf => SimulatedModel.Gradient(plan.Step, leaf, parameters[plan.Step - 1]));
        Contribute(worker, plan);
        return true;
    }

    private void Contribute(SimulatedWorker worker, PlanStep plan)
    {
        foreach (var (name, sum) in worker.Contributions)
            ReducerOf(plan).Take(name, sum);
    }

    private DumbReducer ReducerOf(PlanStep plan)
    {
        var leafCount = stored.Specification.MicroBatchCount;
        if (!reducers.TryGetValue((plan.Step, plan.Generation), out var reducer))
            reducers[(plan.Step, plan.Generation)] = reducer = new DumbReducer(leafCount);
        return reducer;
    }

    private void Apply(SimulatedWorker worker, PlanStep plan)
    {
        var leafCount = stored.Specification.MicroBatchCount;
        var updated = SimulatedModel.Updated(parameters[plan.Step - 1], ReducerOf(plan).Root, leafCount);
        Assert.Equal(Floats.Bits(parameters.GetValueOrDefault(plan.Step, updated)), Floats.Bits(updated));
        parameters[plan.Step] = updated;
        worker.Step = plan.Step;
        mail.Add(worker.Report = new StepReported(
            plan.Worker,
            plan.Generation,
            plan.Step,
            [.. plan.Ranges.Leaves().Select(index => SimulatedModel.Loss(plan.Step, index))],
            GradientNorm: plan.Step,
            Applied: true,
            worker.KeptCount,
            TimeSpan.FromSeconds(random.NextDouble() * plan.Ranges.LeafCount())));
    }

    private void Check(SimulatedWorker replica, Validate command)
    {
        Assert.Equal(command.Step, replica.Step);
        var count = (int)stored.Specification.ValidationBatches()!.WindowCount(command.Range);
        mail.Add(new ValidationReported(
            command.Worker, command.Generation, command.Step, [.. Enumerable.Repeat(10.0, count)]));
    }

    private void Draw(SimulatedWorker replica, Sample command)
    {
        Assert.Equal(command.Step, replica.Step);
        mail.Add(new SampleReported(
            command.Worker, command.Generation, command.Step, [.. Enumerable.Repeat("text", command.Range.Count)]));
    }

    private void Save(SimulatedWorker replica, WriteCheckpoint command)
    {
        if (replica.Step != command.Step)
        {
            mail.Add(new CheckpointFailed(command.Worker, command.Step, $"the replica stands at {replica.Step}"));
            return;
        }

        if (!IsCalm && random.Next(5) == 0)
        {
            mail.Add(new CheckpointFailed(command.Worker, command.Step, "no space"));
            return;
        }

        var silo = command.Worker.Split('/')[0];
        disks.Write(silo, command.Step);
        mail.Add(new CheckpointWritten(
            command.Worker, command.Step, $"hash{command.Step}", $"/c/{command.Step}", TimeSpan.FromSeconds(1),
            disks.IdOf(silo)));
    }
}
