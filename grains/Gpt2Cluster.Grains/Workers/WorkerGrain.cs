using Gpt2Cluster.Contracts;
using Gpt2Cluster.Contracts.Workers;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Core.Specification;
using Gpt2Cluster.Core.Workers;
using Gpt2Cluster.Grains.Placement;
using Microsoft.Extensions.Logging;

namespace Gpt2Cluster.Grains.Workers;

/// <summary>
/// One device's mailbox. Every call checks the generation, hands the work to the compute thread and returns; what comes
/// of it is reported to the coordinator from there.
/// </summary>
[SiloPinned, KeepAlive]
internal sealed partial class WorkerGrain(WorkerServices services, WorkerSlots desks, ILogger<WorkerGrain> logger)
    : Grain, IWorker
{
    /// <summary>A worker that serves a run and hears nothing for this long calls the coordinator.</summary>
    private static readonly TimeSpan SilenceBeforePing = TimeSpan.FromSeconds(2);

    private WorkerDesk desk = null!;
    private DateTimeOffset lastHeard;

    private WorkerId Key => WorkerId.Parse(this.GetPrimaryKeyString());

    private WorkerSession? Session => desk.Session;

    /// <inheritdoc/>
    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        desk = desks.Of(Key, ThreadNiceness.Of(services.Replicas.Devices, Key.Device));
        this.RegisterGrainTimer(
            PingWhenSilent, new GrainTimerCreationOptions(SilenceBeforePing, SilenceBeforePing) { Interleave = true });
        return base.OnActivateAsync(cancellationToken);
    }

    /// <inheritdoc/>
    public Task<bool> Prepare(
        RunSpecification specification, PrepareReplica order, CheckpointEntry? checkpoint, bool reportsExchange)
    {
        var given = new WorkerOrder(order) { Checkpoint = checkpoint, ReportsExchange = reportsExchange };
        var run = specification.Run;
        var isStale = Session is { } current && current.Run == run && order.Generation < current.Generation;
        if (!isStale && Session?.Serves(specification) != true)
            desk.Begin(new WorkerSession(Key, specification, services, desk.Compute, logger));
        return Serve(run, given);
    }

    /// <inheritdoc/>
    public Task<bool> Plan(RunName run, PlanStep order) => Serve(run, new WorkerOrder(order));

    /// <inheritdoc/>
    public Task<bool> Validate(RunName run, Validate order) => Serve(run, new WorkerOrder(order));

    /// <inheritdoc/>
    public Task<bool> Sample(RunName run, Sample order) => Serve(run, new WorkerOrder(order));

    /// <inheritdoc/>
    public Task<bool> Checkpoint(RunRecord record, WriteCheckpoint order) =>
        Serve(record.Specification.Run, new WorkerOrder(order) { Record = record });

    /// <inheritdoc/>
    public Task Release(RunName run, int generation)
    {
        if (Session is { } current && current.Run == run && current.MayRelease(generation))
            desk.End();
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public Task<ReplicaRange?> ReadReplica(RunName run, ReplicaPart part, long start, int count) =>
        Session is { } current && current.Run == run
            ? current.ReadReplica(part, start, count)
            : Task.FromResult<ReplicaRange?>(null);

    /// <inheritdoc/>
    public Task<ReplicaRange?> HashReplica(RunName run, ReplicaPart part, int firstPiece, int count) =>
        Session is { } current && current.Run == run
            ? current.HashReplica(part, firstPiece, count)
            : Task.FromResult<ReplicaRange?>(null);

    /// <inheritdoc/>
    public Task<WorkerPosition?> Stand() =>
        Task.FromResult(
            Session is { } current ? new WorkerPosition(current.Run, current.Generation, current.Step) : null);

    private Task<bool> Serve(RunName run, WorkerOrder order)
    {
        lastHeard = services.Time.GetUtcNow();
        var isTaken = Session is { } current && current.Run == run && current.Take(order);
        if (!isTaken)
            LogStale(Key, run, order.Generation, Session?.Generation ?? 0);
        return Task.FromResult(isTaken);
    }

    private Task PingWhenSilent()
    {
        if (Session is { } current && services.Time.GetUtcNow() - lastHeard >= SilenceBeforePing)
            GrainFactory.Run(current.Run).Ping(Key, current.Generation).Ignore();
        return Task.CompletedTask;
    }

    [LoggerMessage(201, LogLevel.Information,
        "Worker {Worker} drops an order of run {Run}, generation {Generation}: it serves generation {Current}.")]
    private partial void LogStale(WorkerId worker, RunName run, int generation, int current);
}
