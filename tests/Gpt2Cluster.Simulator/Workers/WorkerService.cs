using Gpt2Cluster.Contracts.Runs;
using Gpt2Cluster.Contracts.Workers;
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
        writing = new CheckpointWriting(cluster, silo);
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
    public void Prepare(PrepareRequest request)
    {
        if (request.Generation > Generation)
            Renew(request.Generation);
        Do("preparing", $"{request.Generation} {request.Origin} {request.Step}", request.Generation, async token =>
        {
            if (request.Origin != ReplicaOrigin.Keep)
                await MakeReplica(request, token);
            var report = Stand(request.Generation);
            return run => run.ReplicaReady(report);
        });
    }

    /// <summary>Computes its part of a step.</summary>
    public void Plan(StepPlan plan) => Do("training", $"{plan.Generation} {plan.Step}", plan.Generation, async token =>
    {
        if (Whole is not { } whole || whole.Step != plan.Step - 1)
            throw new InvalidOperationException($"the replica stands at {replica!.Step}, not before {plan.Step}");
        cluster.Watch.Planned(worker.Key, plan);
        var report = await stepping!.Run(plan, token);
        if (cluster.Mutant == Mutant.OldPlanReported)
            report = report with { Generation = Generation };
        cluster.Watch.Reported(this, worker.Key, whole, report);
        return run => run.Report(report);
    });

    /// <summary>Validates.</summary>
    public void Validate(ValidationPlan plan) =>
        Do("validating", $"{plan.Generation} {plan.Step}", plan.Generation, async token =>
        {
            await silo.Work(0.001 * (plan.EndMicroBatch - plan.FirstMicroBatch));
            token.ThrowIfCancellationRequested();
            var batch = cluster.Specification.BatchSize;
            var windows = cluster.Specification.ValidationBatches()!.Parts.Single().WindowCount;
            var (first, end) = ((long)plan.FirstMicroBatch * batch, (long)plan.EndMicroBatch * batch);
            var sums = new List<double>();
            for (var window = first; window < Math.Min(end, windows); window++)
                sums.Add(replica!.ValidationLoss(window));
            var report = new ValidationReport
            {
                Worker = worker.Key,
                Generation = plan.Generation,
                Step = plan.Step,
                LossSums = [.. sums],
            };
            return run => run.ReportValidation(report);
        });

    /// <summary>Draws samples.</summary>
    public void Sample(SamplePlan plan) =>
        Do("sampling", $"{plan.Generation} {plan.Step}", plan.Generation, async token =>
        {
            await silo.Work(0.002);
            token.ThrowIfCancellationRequested();
            var count = plan.EndSample - plan.FirstSample;
            var report = new SampleReport
            {
                Worker = worker.Key,
                Generation = plan.Generation,
                Step = plan.Step,
                Texts = [.. Enumerable.Range(plan.FirstSample, count).Select(index => $"text {plan.Step} {index}")],
            };
            return run => run.ReportSamples(report);
        });

    /// <summary>Snapshots the replica; the writing goes on in the background.</summary>
    public void Checkpoint(CheckpointPlan plan)
    {
        var key = $"checkpoint {plan.Step}";
        if (!orders.IsNew(key))
            return;
        worker.Compute.Enqueue(async () =>
        {
            if (Whole is not { } whole || whole.Step != plan.Step)
                Answer(key, plan, null, "the replica has gone on");
            else
                await writing.Begin(
                    whole, plan, (hash, failure, isBusy) => Answer(key, plan, hash, failure, isBusy));
        });
    }

    /// <summary>A range of the replica, for a worker that joins.</summary>
    public Task<ReplicaRange?> ReadReplica(int part, long start, int count) => worker.Compute.Ask(() =>
        Whole is { } whole ? new ReplicaRange(whole.Step, whole.Read(part, (int)start, count)) : null);

    /// <summary>The hash of a part.</summary>
    public Task<ReplicaRange?> HashReplica(int part) => worker.Compute.Ask(() =>
        Whole is { } whole ? new ReplicaRange(whole.Step, SimulatedReplica.HashOf(whole.Parts[part])) : null);

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

    private async Task MakeReplica(PrepareRequest request, CancellationToken token)
    {
        replica ??= new SimulatedReplica(cluster.Model);
        isWhole = false;
        await silo.Work(0.002);
        switch (request.Origin)
        {
            case ReplicaOrigin.Initialize: replica.Initialize(); break;
            case ReplicaOrigin.Copy: await ReplicaCopying.Run(cluster, silo, replica, request, token); break;
            case ReplicaOrigin.Checkpoint:
                await new CheckpointLoading(silo).Load(replica, request.Checkpoint!, token);
                break;
            default: throw new InvalidOperationException($"{request.Origin}");
        }

        exchange ??= (SimulatedExchange)silo.Exchanges.Join(SimulatedCluster.RunName, 1);
        stepping = new WorkerStepping(cluster, silo, this, worker.Key, replica, exchange);
        isWhole = true;
        cluster.Watch.Brought(worker.Key, replica);
    }

    private ReplicaReport Stand(int generation) => new()
    {
        Worker = worker.Key,
        Generation = generation,
        Step = Standing,
        ProfileJson = replica is null ? null : SimulatedCluster.ProfileJson(silo.Machine.Kind),
        Held = Standing is null ? [] : MicroBatchRanges.ToWire(stepping!.Held),
    };

    private void Renew(int generation)
    {
        Generation = generation;
        if (cluster.Mutant != Mutant.OldPlanReported)
            generationEnd.Cancel();
        generationEnd.Dispose();
        generationEnd = new CancellationTokenSource();
    }

    private void Do(
        string phase, string order, int generation, Func<CancellationToken, Task<Func<ITrainingRun, Task>>> work)
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

    private void Answer(string key, CheckpointPlan plan, string? hash, string? failure, bool isBusy = false)
    {
        var report = new CheckpointReport
        {
            Worker = worker.Key,
            Generation = plan.Generation,
            Step = plan.Step,
            StateHash = hash,
            Path = failure is null ? CheckpointFolder.PathOf(plan.Step) : null,
            Failure = failure,
            IsBusy = isBusy,
            DataFolderId = silo.Machine.Disk.Id,
        };
        orders.Answer(key, () => reports.Send(run => run.ReportCheckpoint(report)));
        if (failure is not null)
            orders.Forget(key);
    }

    private void ReportTrouble(string phase, int generation, Exception problem)
    {
        cluster.Trace.Say($"{worker.Key} is in trouble while {phase}: {problem.Message}");
        var trouble = new TroubleReport
        {
            Worker = worker.Key,
            Generation = generation,
            Step = replica?.Step ?? 0,
            Reason = $"{phase} failed: {problem.Message}",
            IsFinal = false,
            DamagedCheckpoint = (problem as CheckpointLoadException)?.DamagedStep,
            UnreachableCheckpoint = (problem as CheckpointLoadException)?.UnreachableStep,
        };
        reports.Send(run => run.ReportTrouble(trouble));
    }
}
