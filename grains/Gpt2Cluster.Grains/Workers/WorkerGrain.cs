using Gpt2Cluster.Contracts;
using Gpt2Cluster.Contracts.Workers;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Core.Specification;
using Gpt2Cluster.Grains.Placement;
using Microsoft.Extensions.Logging;

namespace Gpt2Cluster.Grains.Workers;

/// <summary>
/// One device's mailbox. Every call checks the generation, hands the work to the compute thread and returns; what comes
/// of it is reported to the coordinator from there.
/// </summary>
[SiloPinned, KeepAlive]
internal sealed partial class WorkerGrain(WorkerServices services, WorkerDesks desks, ILogger<WorkerGrain> logger)
    : Grain, IWorker
{
    /// <summary>A worker that serves a run and hears nothing for this long calls the coordinator.</summary>
    private static readonly TimeSpan SilenceBeforePing = TimeSpan.FromSeconds(2);

    private WorkerDesk desk = null!;
    private DateTimeOffset lastHeard;

    private string Key => this.GetPrimaryKeyString();

    private WorkerSession? Session => desk.Session;

    /// <inheritdoc/>
    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        desk = desks.Of(Key, ThreadNiceness.Of(services.Replicas.Devices, WorkerId.Parse(Key).Device));
        this.RegisterGrainTimer(
            PingWhenSilent, new GrainTimerCreationOptions(SilenceBeforePing, SilenceBeforePing) { Interleave = true });
        return base.OnActivateAsync(cancellationToken);
    }

    /// <inheritdoc/>
    public Task<bool> Prepare(
        RunSpecification specification, PrepareReplica order, CheckpointEntry? checkpoint, bool reportsExchange)
    {
        lastHeard = services.Time.GetUtcNow();
        var run = specification.Run.ToString();
        if (Session is { } current && current.Run == run && order.Generation < current.Generation)
        {
            LogStale(Key, run, order.Generation, current.Generation);
            return Task.FromResult(false);
        }

        if (Session?.Serves(specification) != true)
            desk.Begin(new WorkerSession(Key, specification, services, desk.Compute, logger));
        Session!.Prepare(order, checkpoint, reportsExchange);
        return Task.FromResult(true);
    }

    /// <inheritdoc/>
    public Task<bool> Plan(string run, PlanStep order) => Serve(run, order.Generation, serving => serving.Plan(order));

    /// <inheritdoc/>
    public Task<bool> Validate(string run, Validate order) =>
        Serve(run, order.Generation, serving => serving.Validate(order));

    /// <inheritdoc/>
    public Task<bool> Sample(string run, Sample order) =>
        Serve(run, order.Generation, serving => serving.Sample(order));

    /// <inheritdoc/>
    public Task<bool> Checkpoint(RunRecord record, WriteCheckpoint order) => Serve(
        record.Specification.Run.ToString(), order.Generation, serving => serving.Checkpoint(record, order));

    /// <inheritdoc/>
    public Task Release(string run, int generation)
    {
        if (Session is { } current && current.Run == run && generation >= current.Generation)
            desk.End();
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public Task<ReplicaRange?> ReadReplica(string run, ReplicaPart part, long start, int count) =>
        Session is { } current && current.Run == run
            ? current.ReadReplica(part, start, count)
            : Task.FromResult<ReplicaRange?>(null);

    /// <inheritdoc/>
    public Task<ReplicaRange?> HashReplica(string run, ReplicaPart part, int firstPiece, int count) =>
        Session is { } current && current.Run == run
            ? current.HashReplica(part, firstPiece, count)
            : Task.FromResult<ReplicaRange?>(null);

    /// <inheritdoc/>
    public Task<WorkerStand?> Stand() =>
        Task.FromResult(Session is { } current ? new WorkerStand(current.Run, current.Generation, current.Step) : null);

    private Task<bool> Serve(string run, int generation, Action<WorkerSession> order)
    {
        lastHeard = services.Time.GetUtcNow();
        if (Session is { } current && current.Run == run && current.Generation == generation)
        {
            order(current);
            return Task.FromResult(true);
        }

        LogStale(Key, run, generation, Session?.Generation ?? 0);
        return Task.FromResult(false);
    }

    private Task PingWhenSilent()
    {
        if (Session is { } current && services.Time.GetUtcNow() - lastHeard >= SilenceBeforePing)
            GrainFactory.Run(current.Run).Ping(Key, current.Generation).Ignore();
        return Task.CompletedTask;
    }
}
