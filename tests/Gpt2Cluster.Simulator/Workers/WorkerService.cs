using Gpt2Cluster.Contracts.Workers;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Grains.Workers;
using Gpt2Cluster.Simulator.Disk;
using Gpt2Cluster.Simulator.Exchange;
using Gpt2Cluster.Simulator.Schedules;
using Gpt2Cluster.Simulator.Silos;

namespace Gpt2Cluster.Simulator.Workers;

/// <summary>A worker's service to the run, order by order as the real one does it.</summary>
internal sealed class WorkerService : IDisposable
{
    private readonly SimulatedCluster cluster;
    private readonly Silo silo;
    private readonly SimulatedWorker worker;
    private readonly OrderBook orders = new();
    private readonly WorkerReports reports;
    private readonly CheckpointWriting writing;
    private CancellationTokenSource generationEnd = new();
    private SimulatedReplica? replica;
    private SimulatedExchange? exchange;
    private WorkerStepping? stepping;
    private bool isWhole;

    /// <summary>Begins to serve.</summary>
    public WorkerService(SimulatedCluster cluster, Silo silo, SimulatedWorker worker)
    {
        this.cluster = cluster;
        this.silo = silo;
        this.worker = worker;
        reports = new WorkerReports(silo);
        writing = new CheckpointWriting(cluster, silo, worker.Key);
    }

    /// <summary>The newest generation it was prepared for.</summary>
    public int Generation { get; private set; }

    /// <summary>The step a whole replica stands at; null without one.</summary>
    public long? Standing => Whole?.Step;

    private SimulatedReplica? Whole =>
        isWhole && (replica is { IsLoaded: true } || cluster.Mutant == Mutant.HalfAnUpdateKept) ? replica : null;

    /// <summary>Whether what it holds is still there.</summary>
    public bool IsAlive => !silo.Life.IsDead && worker.Service == this;

    /// <summary>Takes over a generation, and makes the replica stand where it is told.</summary>
    public void Prepare(PrepareReplica order, CheckpointEntry? checkpoint)
    {
        if (order.Generation > Generation)
            Renew(order.Generation);
        Do("preparing", $"{order.Generation} {order.Source} {order.Step}", order.Generation, async token =>
        {
            if (order.Source != ReplicaSource.Keep)
                await MakeReplica(order, checkpoint, token);
            return Stand(order.Generation);
        });
    }

    /// <summary>Computes its part of a step.</summary>
    public void Plan(PlanStep plan) => Do("training", $"{plan.Generation} {plan.Step}", plan.Generation, async token =>
    {
        if (Whole is not { } whole || whole.Step != plan.Step - 1)
            throw new InvalidOperationException($"the replica stands at {replica!.Step}, not before {plan.Step}");
        cluster.Watch.Planned(worker.Key, plan);
        var report = await stepping!.Run(plan, token);
        if (cluster.Mutant == Mutant.OldPlanReported)
            report = report with { Generation = Generation };
        cluster.Watch.Reported(this, worker.Key, whole, report);
        return report;
    });

    /// <summary>Validates.</summary>
    public void Validate(Validate order) =>
        Do("validating", $"{order.Generation} {order.Step}", order.Generation, async token =>
        {
            await silo.Work(0.001 * order.Range.Count);
            token.ThrowIfCancellationRequested();
            var batch = cluster.Specification.BatchSize;
            var windows = cluster.Specification.ValidationBatches()!.Parts.Single().WindowCount;
            var (first, end) = ((long)order.Range.First * batch, (long)order.Range.End * batch);
            var sums = new List<double>();
            for (var window = first; window < Math.Min(end, windows); window++)
                sums.Add(replica!.ValidationLoss(window));
            return new ValidationReported(worker.Key, order.Generation, order.Step, sums);
        });

    /// <summary>Draws samples.</summary>
    public void Sample(Sample order) =>
        Do("sampling", $"{order.Generation} {order.Step}", order.Generation, async token =>
        {
            await silo.Work(0.002);
            token.ThrowIfCancellationRequested();
            var indices = Enumerable.Range(order.Range.First, order.Range.Count);
            return new SampleReported(
                worker.Key, order.Generation, order.Step, [.. indices.Select(index => $"text {order.Step} {index}")]);
        });

    /// <summary>Snapshots the replica; the writing goes on in the background.</summary>
    public void Checkpoint(RunRecord record, WriteCheckpoint order)
    {
        var key = $"checkpoint {order.Step}";
        if (!orders.IsNew(key))
            return;
        worker.Compute.Enqueue(async () =>
        {
            if (Whole is not { } whole || whole.Step != order.Step)
                Answer(key, new CheckpointFailed(worker.Key, order.Step, "the replica has gone on"));
            else
                await writing.Begin(whole, record, order, outcome => Answer(key, outcome));
        });
    }

    /// <summary>A range of the replica, for a worker that joins.</summary>
    public Task<ReplicaRange?> ReadReplica(ReplicaPart part, long start, int count) => worker.Compute.Ask(() =>
        Whole is { } whole ? new ReplicaRange(whole.Step, whole.Read((int)part, (int)start, count)) : null);

    /// <summary>The hash of a part.</summary>
    public Task<ReplicaRange?> HashReplica(ReplicaPart part) => worker.Compute.Ask(() =>
        Whole is { } whole ? new ReplicaRange(whole.Step, SimulatedReplica.HashOf(whole.Parts[(int)part])) : null);

    /// <summary>Ends the service.</summary>
    public void Dispose()
    {
        generationEnd.Cancel();
        generationEnd.Dispose();
        worker.Compute.Enqueue(async () =>
        {
            await writing.Finished();
            if (exchange is not null)
                silo.Exchanges.Leave(SimulatedCluster.RunName, Generation);
            replica = null;
            isWhole = false;
        });
    }

    private async Task MakeReplica(PrepareReplica order, CheckpointEntry? checkpoint, CancellationToken token)
    {
        replica ??= new SimulatedReplica(cluster.Model);
        isWhole = false;
        await silo.Work(0.002);
        switch (order.Source)
        {
            case ReplicaSource.Initialize: replica.Initialize(); break;
            case ReplicaSource.Copy: await ReplicaCopying.Run(cluster, silo, replica, order, token); break;
            case ReplicaSource.Checkpoint:
                await new CheckpointLoading(silo).Load(replica, checkpoint!, token);
                break;
            default: throw new InvalidOperationException($"{order.Source}");
        }

        exchange ??= (SimulatedExchange)silo.Exchanges.Join(SimulatedCluster.RunName, 1);
        stepping = new WorkerStepping(cluster, silo, this, worker.Key, replica, exchange);
        isWhole = true;
        cluster.Watch.Brought(worker.Key, replica);
    }

    private ReplicaReady Stand(int generation) => new(
        worker.Key,
        generation,
        Standing,
        replica is null ? null : SimulatedCluster.Profile(silo.Machine.Kind),
        Standing is null ? [] : stepping!.Held);

    private void Renew(int generation)
    {
        Generation = generation;
        if (cluster.Mutant != Mutant.OldPlanReported)
            generationEnd.Cancel();
        generationEnd.Dispose();
        generationEnd = new CancellationTokenSource();
    }

    private void Do(string phase, string order, int generation, Func<CancellationToken, Task<RunEvent>> work)
    {
        var key = $"{phase} {order}";
        if (!orders.IsNew(key))
            return;
        var token = generationEnd.Token;
        worker.Compute.Enqueue(async () =>
        {
            try
            {
                token.ThrowIfCancellationRequested();
                var report = await work(token);
                orders.Answer(key, () => reports.Send(report));
            }
            catch (OperationCanceledException)
            {
                orders.Forget(key);
            }
            catch (Exception problem)
            {
                orders.Forget(key);
                ReportTrouble(phase, generation, problem);
            }
        });
    }

    private void Answer(string key, RunEvent outcome)
    {
        orders.Answer(key, () => reports.Send(outcome));
        if (outcome is CheckpointFailed)
            orders.Forget(key);
    }

    private void ReportTrouble(string phase, int generation, Exception problem)
    {
        cluster.Trace.Say($"{worker.Key} is in trouble while {phase}: {problem.Message}");
        var reason = $"{phase} failed: {problem.Message}";
        reports.Send(problem switch
        {
            CheckpointLoadException { DamagedStep: { } step } => new CheckpointDamaged(step, reason),
            CheckpointLoadException { UnreachableStep: { } step } =>
                new CheckpointUnreachable(worker.Key, generation, step, reason),
            _ => new WorkerTroubled(worker.Key, generation, reason, IsFinal: false),
        });
    }
}
