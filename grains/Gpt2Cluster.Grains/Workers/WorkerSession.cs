using System.Runtime.InteropServices;
using Gpt2Cluster.Contracts.Workers;
using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Devices;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Core.Specification;
using Gpt2Cluster.Core.Threads;
using Gpt2Cluster.Core.Workers;
using Gpt2Cluster.Grains.Checkpoints;
using Gpt2Cluster.Grains.Workers.Replicas;
using Gpt2Cluster.Grains.Workers.Windows;
using Microsoft.Extensions.Logging;

namespace Gpt2Cluster.Grains.Workers;

/// <summary>
/// A worker's service to one run: the replica and what it needs around it. <see cref="WorkerProtocol"/> decides; orders
/// come from the grain and return at once, and what is to be done about them is done on the compute thread.
/// </summary>
internal sealed partial class WorkerSession : IDisposable
{
    private readonly WorkerId worker;
    private readonly int deviceIndex;
    private readonly WorkerServices services;
    private readonly ComputeThread compute;
    private readonly ILogger logger;
    private readonly RunSpecification specification;
    private readonly Reporter reporter;
    private readonly CheckpointWriter checkpoints;
    private readonly WorkerProtocol protocol;
    private readonly Lock gate = new();
    private readonly ReplicaPreparation preparation;

    private CancellationTokenSource generationEnd = new();
    // Of the order that the compute thread carries out.
    private CancellationToken generationIsOver;
    private IReplica? replica;
    private IRunExchange? exchange;
    private WorkerStep? step;
    private RunWindows? windows;
    private SampleWriter? samples;
    private ComputeProfile? profile;

    public WorkerSession(
        WorkerId worker,
        RunSpecification specification,
        WorkerServices services,
        ComputeThread compute,
        ILogger logger)
    {
        this.worker = worker;
        this.services = services;
        this.compute = compute;
        this.logger = logger;
        deviceIndex = worker.Device;
        this.specification = specification;
        Run = specification.Run;
        protocol = new WorkerProtocol(worker, specification);
        reporter = new Reporter(services.Grains, Run, worker, services.Time, logger);
        checkpoints = new CheckpointWriter(worker, services.Checkpoints, services.Time);
        preparation = new ReplicaPreparation(services, specification);
        services.Metrics.Begin(Run, worker);
    }

    /// <summary>The run it serves.</summary>
    public RunName Run { get; }

    /// <summary>The newest generation it was prepared for.</summary>
    public int Generation => Ask(known => known.Generation);

    /// <summary>The last step its replica has applied.</summary>
    public long Step => Ask(known => known.Step);

    /// <summary>The replica if it holds a step's state; one that was filled in part counts as none.</summary>
    private IReplica? Whole => Ask(known => known.HeldStep) is null ? null : replica;

    /// <summary>
    /// Whether it serves the run of a specification: after the loss of a store another run may have the same name.
    /// Workers may change when a run is resumed, nothing else.
    /// </summary>
    public bool Serves(RunSpecification other) => SpecificationJson.Write(specification)
        == SpecificationJson.Write(other with { Workers = specification.Workers });

    /// <summary>An order of the coordinator: it is queued, or answered again.</summary>
    /// <returns>Whether it is of a generation that counts.</returns>
    public bool Take(WorkerOrder order)
    {
        var isTaken = false;
        Tell(told => isTaken = told.Take(order));
        return isTaken;
    }

    /// <summary>Whether a generation's word that the worker is not needed any more counts.</summary>
    public bool MayRelease(int generation) => Ask(known => known.MayRelease(generation));

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
        Tell(told => told.End());
        generationEnd.Dispose();
    }

    private T Ask<T>(Func<WorkerProtocol, T> question)
    {
        lock (gate)
            return question(protocol);
    }

    /// <summary>Tells the protocol what happened, and does what it says.</summary>
    private void Tell(Action<WorkerProtocol> happened)
    {
        WorkerEffect[] effects;
        lock (gate)
        {
            happened(protocol);
            effects = [.. protocol.Effects];
            protocol.Effects.Clear();
        }

        foreach (var effect in effects)
            Execute(effect);
    }

    private void Execute(WorkerEffect effect)
    {
        switch (effect)
        {
            case Enqueue(var order):
                var cancellation = generationEnd.Token;
                compute.Enqueue(() => Serve(order, cancellation));
                break;
            case Interrupt:
                generationEnd.Cancel();
                generationEnd.Dispose();
                generationEnd = new CancellationTokenSource();
                break;
            case FetchWindows(var plan):
                windows?.Training.Begin(plan);
                break;
            case Refuse(var order, var reason):
                LogRefused(logger, worker, Run, Step, order.Phase, reason);
                break;
            case Report(var report):
                if (report is CheckpointFailed { IsBusy: false })
                    services.Metrics.CheckpointFailed(Run, worker);
                reporter.Send(report);
                break;
            case Free:
                compute.Enqueue(FreeAll);
                break;
            case ComputeEffect work:
                Compute(work);
                break;
        }
    }

    /// <summary>An order's turn on the compute thread.</summary>
    private void Serve(WorkerOrder order, CancellationToken cancellation)
    {
        generationIsOver = cancellation;
        try
        {
            Tell(told => told.OnTurn(order));
        }
        catch (OperationCanceledException)
        {
            LogCancelled(logger, worker, Run, Step);
            Tell(told => told.OnInterrupted(order));
        }
        catch (Exception exception)
        {
            LogFailed(logger, exception, worker, Run, Step, order.Phase);
            EndIfLost(exception);
            Tell(told => told.OnFailed(order, FailureOf(order, exception)));
        }
    }

    private void Compute(ComputeEffect effect)
    {
        var order = effect.Order;
        switch (effect)
        {
            case MakeReplica work:
                Make(work.Preparation, order.Checkpoint);
                Tell(told => told.OnMade(work, replica!.Step));
                break;
            case ShowProfile work:
                var known = Profile();
                LogReady(logger, worker, Run, order.Generation, Whole?.Step ?? -1);
                Tell(told => told.OnProfile(work, known));
                break;
            case ComputeStep work:
                var report = Train(work);
                Tell(told => told.OnDone(order, report));
                break;
            case SumLosses(_, var validation):
                var sums = windows!.Validate(replica!, validation, generationIsOver);
                Tell(told => told.OnDone(order, new ValidationReported(
                    worker, validation.Generation, validation.Step, sums)));
                break;
            case DrawSamples(_, var sampling):
                var texts = samples!.Draw(replica!, sampling, generationIsOver);
                Tell(told => told.OnDone(order, new SampleReported(
                    worker, sampling.Generation, sampling.Step, texts)));
                break;
            case WriteSnapshot(_, var saving):
                BlockingWait.RunHere(() => checkpoints.Write(
                    replica!, order.Record!, saving, outcome => Tell(told => told.OnDone(order, outcome))));
                break;
        }
    }

    private void Make(PrepareReplica order, CheckpointEntry? checkpoint)
    {
        replica ??= services.Replicas.Create(deviceIndex, ReplicaOptionsOf.Run(specification));
        preparation.Bring(replica, order, checkpoint, generationIsOver);
        samples ??= new SampleWriter(
            specification,
            specification.Model.Vocabulary is null ? null : services.Parameters.VocabularyOf(specification.Model));
        windows ??= RunWindows.Open(services, specification, generationIsOver);
        exchange ??= services.Exchanges.Join(Run, replica.Layout.Length);
        step = new WorkerStep(replica, exchange, windows.Training, specification.MicroBatchCount, services.Time);
    }

    private StepReported Train(ComputeStep work)
    {
        var plan = work.Progress.Plan;
        var report = step!.Run(work, norm => Ask(decider => decider.OnAveraged(norm)), generationIsOver);
        services.Metrics.Step(Run, worker, replica!.Times, step.DataWait, report.ExposedExchange);
        services.Metrics.Repeated(Run, worker, report.KeptCount, work.Progress.RecomputedCount);
        if (!report.Applied)
            services.Metrics.NotFinite(Run, worker);
        if (work.ReportsExchange)
            services.Metrics.Exchanged(Run, services.Exchanges[Run].Figures(plan.Step));
        return report;
    }

    private ComputeProfile? Profile() => replica is null
        ? null
        : profile ??= services.Replicas.Profile(
            deviceIndex, specification.Precision!.Value, specification.ThreadsPerWorker!.Value);

    private void FreeAll()
    {
        try
        {
            BlockingWait.RunHere(checkpoints.Finish);
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
    }

    /// <summary>A device that is lost to this process is found again by the next one.</summary>
    private void EndIfLost(Exception exception)
    {
        if (DeviceFailures.Of(exception) == DeviceFailure.Lost)
            services.End.OnDeviceLost(worker, exception);
    }

    private WorkerFailure FailureOf(WorkerOrder order, Exception exception) => exception switch
    {
        CheckpointLoadException { Failure: var failure } => failure,
        UserErrorException => new(exception.Message, FailureKind.BadInput),
        _ when order.Command is not WriteCheckpoint
            && DeviceFailures.Of(exception) == DeviceFailure.OutOfMemory =>
            new(MemoryTrouble.Words(specification), FailureKind.NoMemory),
        _ => new(exception.Message),
    };

    [LoggerMessage(211, LogLevel.Information,
        "Worker {Worker} stands ready for run {Run}, generation {Generation}, at step {Step}.")]
    private static partial void LogReady(ILogger logger, WorkerId worker, RunName run, int generation, long step);

    [LoggerMessage(212, LogLevel.Error, "Worker {Worker} of run {Run}, step {Step}: {Phase} failed.")]
    private static partial void LogFailed(
        ILogger logger, Exception exception, WorkerId worker, RunName run, long step, string phase);

    [LoggerMessage(214, LogLevel.Debug, "Worker {Worker} of run {Run} leaves step {Step}: the generation changed.")]
    private static partial void LogCancelled(ILogger logger, WorkerId worker, RunName run, long step);

    [LoggerMessage(215, LogLevel.Error, "Worker {Worker} of run {Run}, step {Step}: {Phase} failed: {Reason}.")]
    private static partial void LogRefused(
        ILogger logger, WorkerId worker, RunName run, long step, string phase, string reason);
}
