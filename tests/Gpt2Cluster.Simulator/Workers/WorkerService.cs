using System.Runtime.InteropServices;
using Gpt2Cluster.Contracts;
using Gpt2Cluster.Contracts.Workers;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Core.Workers;
using Gpt2Cluster.Grains.Checkpoints;
using Gpt2Cluster.Grains.Workers;
using Gpt2Cluster.Grains.Workers.Replicas;
using Gpt2Cluster.Simulator.Exchange;
using Gpt2Cluster.Simulator.Schedules;
using Gpt2Cluster.Simulator.Silos;

namespace Gpt2Cluster.Simulator.Workers;

/// <summary>
/// A worker's service to the run: the product's <see cref="WorkerProtocol"/> on simulated time and arithmetic. It
/// decides nothing.
/// </summary>
internal sealed class WorkerService : IDisposable
{
    private readonly SimulatedCluster cluster;
    private readonly Silo silo;
    private readonly SimulatedWorker worker;
    private readonly WorkerProtocol protocol;
    private readonly Reporter reporter;
    private readonly CheckpointWriter checkpoints;
    private CancellationTokenSource generationEnd = new();
    private SimulatedReplica? replica;
    private SimulatedExchange? exchange;
    private WorkerStepping? stepping;

    /// <summary>Begins to serve.</summary>
    public WorkerService(SimulatedCluster cluster, Silo silo, SimulatedWorker worker)
    {
        this.cluster = cluster;
        this.silo = silo;
        this.worker = worker;
        protocol = MutantWorker.Of(cluster.Mutant, worker.Key.Worker(), cluster.Specification);
        reporter = new Reporter(
            silo.Grains,
            SimulatedCluster.RunName.Run(),
            worker.Key.Worker(),
            silo.Time,
            new TraceLogger<Reporter>(cluster.Trace, silo.Life));
        checkpoints = new CheckpointWriter(worker.Key.Worker(), silo.Checkpoints, silo.Time);
    }

    /// <summary>The newest generation it was prepared for.</summary>
    public int Generation => protocol.Generation;

    /// <summary>The step a whole replica stands at; null without one.</summary>
    public long? Standing => protocol.HeldStep;

    /// <summary>Whether what it holds is still there.</summary>
    public bool IsAlive => !silo.Life.IsDead && worker.Service == this;

    private SimulatedReplica? Whole => protocol.HeldStep is null ? null : replica;

    /// <summary>An order of the coordinator.</summary>
    /// <returns>Whether it is taken.</returns>
    public bool Take(WorkerOrder order)
    {
        var isTaken = protocol.Take(order);
        Execute();
        return isTaken;
    }

    /// <summary>Whether a generation's word that the worker is not needed any more counts.</summary>
    public bool MayRelease(int generation) => protocol.MayRelease(generation);

    /// <summary>Ends the service.</summary>
    public void Dispose()
    {
        protocol.End();
        Execute();
        generationEnd.Dispose();
    }

    /// <summary>A range of the replica, for a worker that joins.</summary>
    public Task<ReplicaRange?> ReadReplica(ReplicaPart part, long start, int count) => worker.Compute.Ask(() =>
    {
        if (Whole is not { } whole)
            return null;
        var bytes = new byte[count * sizeof(float)];
        whole.Read(part, start, MemoryMarshal.Cast<byte, float>(bytes.AsSpan()));
        return new ReplicaRange(whole.Step, cluster.Network.Carry(bytes));
    });

    /// <summary>The hash of a part.</summary>
    public Task<ReplicaRange?> HashReplica(ReplicaPart part, int firstPiece, int count) => worker.Compute.Ask(() =>
        Whole is { } whole ? new ReplicaRange(whole.Step, ReplicaPieces.Of(whole, part, firstPiece, count)) : null);

    private void Execute()
    {
        WorkerEffect[] effects = [.. protocol.Effects];
        protocol.Effects.Clear();
        foreach (var effect in effects)
            Execute(effect);
    }

    private void Execute(WorkerEffect effect)
    {
        switch (effect)
        {
            case Enqueue(var order):
                var cancellation = generationEnd.Token;
                worker.Compute.Enqueue(() => Serve(order, cancellation));
                break;
            case Interrupt:
                generationEnd.Cancel();
                generationEnd.Dispose();
                generationEnd = new CancellationTokenSource();
                break;
            case Refuse(var order, var reason):
                cluster.Trace.Say($"{worker.Key} is in trouble while {order.Phase}: {reason}");
                break;
            case Report(var report):
                reporter.Send(report);
                break;
            case Free:
                worker.Compute.Enqueue(FreeAll);
                break;
        }
    }

    private async Task Serve(WorkerOrder order, CancellationToken cancellation)
    {
        try
        {
            protocol.OnTurn(order);
            while (protocol.Effects.OfType<ComputeEffect>().FirstOrDefault() is { } work)
            {
                Execute();
                await Compute(work, cancellation);
            }
        }
        catch (OperationCanceledException)
        {
            protocol.OnInterrupted(order);
        }
        catch (Exception problem)
        {
            cluster.Trace.Say($"{worker.Key} is in trouble while {order.Phase}: {problem.Message}");
            protocol.OnFailed(order, (problem as CheckpointLoadException)?.Failure ?? new(problem.Message));
        }

        Execute();
    }

    private async Task Compute(ComputeEffect effect, CancellationToken cancellation)
    {
        var order = effect.Order;
        switch (effect)
        {
            case MakeReplica work:
                await Make(work.Preparation, order.Checkpoint, cancellation);
                protocol.OnMade(work, replica!.Step);
                break;
            case ShowProfile work:
                protocol.OnProfile(work, replica is null ? null : SimulatedCluster.Profile(silo.Machine.Kind));
                break;
            case ComputeStep(_, var progress, _):
                cluster.Watch.Planned(worker.Key.Worker(), progress.Plan);
                var report = await stepping!.Run(progress, protocol.OnAveraged, cancellation);
                protocol.OnDone(order, report);
                cluster.Watch.Reported(this, worker.Key.Worker(), replica!, report);
                break;
            case SumLosses(_, var validation):
                await silo.Work(0.001 * validation.Range.Count);
                cancellation.ThrowIfCancellationRequested();
                protocol.OnDone(order, new ValidationReported(
                    worker.Key.Worker(), order.Generation, validation.Step, [.. LossSums(validation)]));
                break;
            case DrawSamples(_, var sampling):
                await silo.Work(0.002);
                cancellation.ThrowIfCancellationRequested();
                var indices = Enumerable.Range(sampling.Range.First, sampling.Range.Count);
                protocol.OnDone(order, new SampleReported(
                    worker.Key.Worker(),
                    order.Generation,
                    sampling.Step,
                    [.. indices.Select(index => $"text {sampling.Step} {index}")]));
                break;
            case WriteSnapshot(_, var saving):
                await checkpoints.Write(replica!, order.Record!, saving, outcome =>
                {
                    protocol.OnDone(order, outcome);
                    Execute();
                });
                break;
        }
    }

    private IEnumerable<double> LossSums(Validate validation)
    {
        var batch = cluster.Specification.BatchSize;
        var windows = cluster.Specification.ValidationBatches()!.Parts.Single().WindowCount;
        var (first, end) = ((long)validation.Range.First * batch, (long)validation.Range.End * batch);
        for (var window = first; window < Math.Min(end, windows); window++)
            yield return replica!.ValidationLoss(window);
    }

    private async Task FreeAll()
    {
        await checkpoints.Finish();
        if (exchange is not null)
            silo.Exchanges.Leave(SimulatedCluster.RunName.Run(), Generation);
        replica = null;
    }

    private async Task Make(PrepareReplica order, CheckpointEntry? checkpoint, CancellationToken token)
    {
        replica ??= new SimulatedReplica(cluster.Model);
        await silo.Work(0.002);
        switch (order.Source)
        {
            case ReplicaSource.Initialize: replica.Initialize(); break;
            case ReplicaSource.Copy:
                await MutantCopy.Of(cluster.Mutant, silo.Grains.Worker, SimulatedCluster.RunName.Run(), order)
                    .Run(replica, token);
                break;
            case ReplicaSource.Checkpoint:
                await silo.Loader.Read(
                    SimulatedCluster.RunName.Run(),
                    checkpoint!,
                    Enum.GetValues<ReplicaPart>(),
                    (part, _, start, values) => replica.Write(part, start, values),
                    token);
                replica.Loaded(checkpoint!.Step);
                break;
            default: throw new InvalidOperationException($"{order.Source}");
        }

        exchange ??= (SimulatedExchange)silo.Exchanges.Join(SimulatedCluster.RunName.Run(), 1);
        stepping = new WorkerStepping(cluster, silo, this, worker.Key.Worker(), replica, exchange);
        cluster.Watch.Brought(worker.Key.Worker(), replica);
    }
}
