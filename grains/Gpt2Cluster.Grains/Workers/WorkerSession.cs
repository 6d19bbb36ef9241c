using System.Runtime.InteropServices;
using Gpt2Cluster.Contracts;
using Gpt2Cluster.Contracts.Workers;
using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Devices;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Core.Specification;
using Gpt2Cluster.Grains.Checkpoints;
using Microsoft.Extensions.Logging;

namespace Gpt2Cluster.Grains.Workers;

/// <summary>
/// A worker's service to one run: the replica and what it needs around it. Orders come from the grain and return at
/// once; the work is done in their order on the compute thread and reported from there.
/// </summary>
internal sealed partial class WorkerSession : IDisposable
{
    private readonly string worker;
    private readonly int deviceIndex;
    private readonly WorkerServices services;
    private readonly ComputeThread compute;
    private readonly ILogger logger;
    private readonly RunSpecification specification;
    private readonly Reporter reporter;
    private readonly CheckpointWriter checkpoints;
    private readonly OrderBook orders = new();
    private readonly ReplicaPreparation preparation;

    private CancellationTokenSource generationEnd = new();
    private IReplica? replica;
    private IRunExchange? exchange;
    private WorkerStep? step;
    private RunWindows? windows;
    private SampleWriter? samples;
    private ComputeProfile? profile;
    private bool isWhole;
    private bool reportsExchange;
    private long committedStep;

    public WorkerSession(
        string worker,
        RunSpecification specification,
        WorkerServices services,
        ComputeThread compute,
        ILogger logger)
    {
        this.worker = worker;
        this.services = services;
        this.compute = compute;
        this.logger = logger;
        deviceIndex = WorkerId.Parse(worker).Device;
        this.specification = specification;
        Run = specification.Run.ToString();
        reporter = new Reporter(services.Grains, Run, worker, services.Time, logger);
        checkpoints = new CheckpointWriter(worker, services.Checkpoints, services.Time);
        preparation = new ReplicaPreparation(services, specification);
        services.Metrics.Begin(Run, worker);
    }

    /// <summary>The run it serves.</summary>
    public string Run { get; }

    /// <summary>The newest generation it was prepared for.</summary>
    public int Generation { get; private set; }

    /// <summary>The last step its replica has applied.</summary>
    public long Step => Interlocked.Read(ref committedStep);

    /// <summary>The replica if it holds a step's state; one that was filled in part counts as none.</summary>
    private IReplica? Whole => isWhole && replica is { IsLoaded: true } ? replica : null;

    /// <summary>
    /// Whether it serves the run of a specification: after the loss of a store another run may have the same name.
    /// Workers may change when a run is resumed, nothing else.
    /// </summary>
    public bool Serves(RunSpecification other) => SpecificationJson.Write(specification)
        == SpecificationJson.Write(other with { Workers = specification.Workers });

    /// <summary>
    /// Takes over a generation: whatever waits for the old one ends, then the replica is made to stand where it is
    /// told.
    /// </summary>
    public void Prepare(PrepareReplica order, CheckpointEntry? checkpoint, bool reportsItsExchange)
    {
        if (order.Generation > Generation)
            Renew(order.Generation);
        Do("preparing", $"{order.Generation} {order.Source} {order.Step}", order.Generation, cancellation =>
        {
            reportsExchange = reportsItsExchange;
            if (order.Source != ReplicaSource.Keep)
                MakeReplica(order, checkpoint, cancellation);
            return Stand(order.Generation);
        });
    }

    /// <summary>Plans a step: its windows are fetched while the compute thread is still busy.</summary>
    public void Plan(PlanStep plan)
    {
        windows?.Training.Begin(plan);
        Do("training", $"{plan.Generation} {plan.Step}", plan.Generation, cancellation =>
        {
            if (Whole is not { } whole)
                throw new InvalidOperationException("an update failed half way, and the replica is not whole");
            if (whole.Step != plan.Step - 1)
            {
                throw new InvalidOperationException(
                    $"the replica stands at step {whole.Step} and cannot compute step {plan.Step}");
            }

            var report = step!.Run(plan, reportsExchange, cancellation);
            Interlocked.Exchange(ref committedStep, whole.Step);
            Measure(report);
            return report;
        });
    }

    /// <summary>Validates a range of the fixed validation micro-batches.</summary>
    public void Validate(Validate order) =>
        Do("validating", $"{order.Generation} {order.Step}", order.Generation, cancellation => new ValidationReported(
            worker, order.Generation, order.Step, windows!.Validate(replica!, order, cancellation)));

    /// <summary>Draws its part of the run's samples of a step.</summary>
    public void Sample(Sample order) =>
        Do("sampling", $"{order.Generation} {order.Step}", order.Generation, cancellation => new SampleReported(
            worker, order.Generation, order.Step, samples!.Draw(replica!, order, cancellation)));

    /// <summary>Snapshots the replica between two steps; the writing goes on in the background.</summary>
    public void Checkpoint(RunRecord record, WriteCheckpoint order)
    {
        var key = $"checkpoint {order.Step}";
        if (!orders.IsNew(key))
            return;
        compute.Enqueue(() =>
        {
            try
            {
                if (Whole is not { } whole || whole.Step != order.Step)
                    throw new InvalidOperationException("the replica has gone on");
                checkpoints.Write(whole, record, order, outcome => Answer(key, outcome));
            }
            catch (Exception exception)
            {
                EndIfLost(exception);
                // No memory for a snapshot is no more than a checkpoint that is missing.
                Answer(key, new CheckpointFailed(worker, order.Step, exception.Message));
            }
        });
    }

    /// <summary>A range of the replica, for a worker that joins.</summary>
    /// <exception cref="ArgumentOutOfRangeException">
    /// There is no such range, or it is too long for one message.
    /// </exception>
    public Task<ReplicaRange?> ReadReplica(ReplicaPart part, long start, int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, ReplicaCopy.RangeElements);
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        return Show(() =>
        {
            if (Whole is not { } whole)
                return null;
            ArgumentOutOfRangeException.ThrowIfGreaterThan(start, whole.Layout.Length - count);
            var bytes = new byte[count * sizeof(float)];
            whole.Read(part, start, MemoryMarshal.Cast<byte, float>(bytes.AsSpan()));
            return new ReplicaRange(whole.Step, bytes);
        });
    }

    /// <summary>The hashes of some of a part's pieces, for a worker that has copied it.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There are no such pieces.</exception>
    public Task<ReplicaRange?> HashReplica(ReplicaPart part, int firstPiece, int count) => Show(() =>
        Whole is { } whole
            ? new ReplicaRange(whole.Step, ReplicaPieces.Of(whole, part, firstPiece, count))
            : null);

    /// <summary>
    /// Asks the compute thread for something of the replica. A device that is lost is this silo's to hear of; whoever
    /// asked only fails to read.
    /// </summary>
    private Task<ReplicaRange?> Show(Func<ReplicaRange?> read) => compute.Ask(() =>
    {
        try
        {
            return read();
        }
        catch (Exception exception)
        {
            LogFailed(logger, exception, worker, Run, Step, "reading the replica");
            EndIfLost(exception);
            throw;
        }
    });

    /// <summary>
    /// Ends the service: what waits is cancelled, checkpoints under way are finished, memory is freed.
    /// </summary>
    public void Dispose()
    {
        generationEnd.Cancel();
        generationEnd.Dispose();
        compute.Enqueue(() =>
        {
            try
            {
                checkpoints.Dispose();
                if (exchange is not null)
                    services.Exchanges.Leave(Run, Generation);
                replica?.Dispose();
            }
            catch (Exception exception)
            {
                // A device that fails while memory is freed must not take the other runs of the silo with it.
                LogFailed(logger, exception, worker, Run, Step, "ending");
                EndIfLost(exception);
            }

            replica = null;
            services.Metrics.End(Run, worker);
        });
    }

    private void MakeReplica(PrepareReplica order, CheckpointEntry? checkpoint, CancellationToken cancellation)
    {
        replica ??= services.Replicas.Create(deviceIndex, ReplicaOptionsOf.Run(specification));
        isWhole = false;
        preparation.Bring(replica, order, checkpoint, cancellation);
        Interlocked.Exchange(ref committedStep, replica.Step);
        samples ??= new SampleWriter(
            specification,
            specification.Model.Vocabulary is null ? null : services.Parameters.VocabularyOf(specification.Model));
        windows ??= RunWindows.Open(services, specification, cancellation);
        exchange ??= services.Exchanges.Join(Run, replica.Layout.Length);
        step = new WorkerStep(worker, specification, replica, exchange, windows.Training, services.Time);
        isWhole = true;
    }

    private void Measure(StepReported report)
    {
        services.Metrics.Step(Run, worker, replica!.Times, step!.DataWait, report.ExposedExchange);
        services.Metrics.Repeated(Run, worker, report.KeptCount, step.RecomputedCount);
        if (!report.Applied)
            services.Metrics.NotFinite(Run, worker);
        if (reportsExchange)
            services.Metrics.Exchanged(Run, services.Exchanges[Run].Figures(report.Step));
    }

    /// <summary>Says where the replica stands.</summary>
    private ReplicaReady Stand(int generation)
    {
        if (replica is not null)
        {
            profile ??= services.Replicas.Profile(
                deviceIndex, specification.Precision!.Value, specification.ThreadsPerWorker!.Value);
        }

        var stand = Whole?.Step;
        LogReady(logger, worker, Run, generation, stand ?? -1);
        return new ReplicaReady(worker, generation, stand, profile, stand is null ? [] : step!.Held);
    }

    private void Renew(int generation)
    {
        Generation = generation;
        generationEnd.Cancel();
        generationEnd.Dispose();
        generationEnd = new CancellationTokenSource();
    }

    /// <summary>
    /// Queues an order for the compute thread, once; its answer goes to the coordinator. It is dropped if the
    /// generation has changed by then.
    /// </summary>
    private void Do(string phase, string order, int generation, Func<CancellationToken, RunEvent> work)
    {
        var key = $"{phase} {order}";
        if (!orders.IsNew(key))
            return;
        var cancellation = generationEnd.Token;
        compute.Enqueue(() =>
        {
            try
            {
                cancellation.ThrowIfCancellationRequested();
                var report = work(cancellation);
                orders.Answer(key, () => reporter.Send(report));
            }
            catch (OperationCanceledException)
            {
                LogCancelled(logger, worker, Run, Step);
                orders.Forget(key);
            }
            catch (Exception exception)
            {
                LogFailed(logger, exception, worker, Run, Step, phase);
                EndIfLost(exception);
                orders.Forget(key);
                ReportTrouble(phase, generation, exception);
            }
        });
    }

    private void Answer(string key, RunEvent outcome)
    {
        orders.Answer(key, () => reporter.Send(outcome));
        if (outcome is not CheckpointFailed failed)
            return;
        orders.Forget(key);
        if (!failed.IsBusy)
            services.Metrics.CheckpointFailed(Run, worker);
    }

    /// <summary>A device that is lost to this process is found again by the next one.</summary>
    private void EndIfLost(Exception exception)
    {
        if (DeviceFailures.Of(exception) == DeviceFailure.Lost)
            services.End.OnDeviceLost(worker, exception);
    }

    private void ReportTrouble(string phase, int generation, Exception exception)
    {
        var hasNoMemory = DeviceFailures.Of(exception) == DeviceFailure.OutOfMemory;
        reporter.Send(exception switch
        {
            DamagedCheckpointException damaged => new CheckpointDamaged(damaged.Step, damaged.Message),
            UnreachableCheckpointException away =>
                new CheckpointUnreachable(worker, generation, away.Step, away.Message),
            _ => new WorkerTroubled(
                worker,
                generation,
                hasNoMemory ? MemoryTrouble.Words(phase, specification) : $"{phase} failed: {exception.Message}",
                IsFinal: exception is UserErrorException,
                hasNoMemory),
        });
    }
}
