using Gpt2Cluster.Contracts;
using Gpt2Cluster.Contracts.Runs;
using Gpt2Cluster.Contracts.Workers;
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
        desk = desks.Of(Key, ThreadNiceness.Of(services.Replicas.Devices, GrainKeys.DeviceOf(Key)));
        this.RegisterGrainTimer(
            PingWhenSilent, new GrainTimerCreationOptions(SilenceBeforePing, SilenceBeforePing) { Interleave = true });
        return base.OnActivateAsync(cancellationToken);
    }

    /// <inheritdoc/>
    public Task<bool> Prepare(PrepareRequest request)
    {
        lastHeard = services.Time.GetUtcNow();
        if (Session is { } current && current.Run == request.Run && request.Generation < current.Generation)
        {
            LogStale(Key, request.Run, request.Generation, current.Generation);
            return Task.FromResult(false);
        }

        if (Session?.Serves(request) != true)
            desk.Begin(new WorkerSession(Key, request, services, desk.Compute, logger));
        Session!.Prepare(request);
        return Task.FromResult(true);
    }

    /// <inheritdoc/>
    public Task<bool> Plan(StepPlan plan) => Serve(plan.Run, plan.Generation, serving => serving.Plan(plan));

    /// <inheritdoc/>
    public Task<bool> Validate(ValidationPlan plan) =>
        Serve(plan.Run, plan.Generation, serving => serving.Validate(plan));

    /// <inheritdoc/>
    public Task<bool> Sample(SamplePlan plan) => Serve(plan.Run, plan.Generation, serving => serving.Sample(plan));

    /// <inheritdoc/>
    public Task<bool> Checkpoint(CheckpointPlan plan) =>
        Serve(plan.Run, plan.Generation, serving => serving.Checkpoint(plan));

    /// <inheritdoc/>
    public Task Release(string run, int generation)
    {
        if (Session is { } current && current.Run == run && generation >= current.Generation)
            desk.End();
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public Task<ReplicaRange?> ReadReplica(string run, int part, long start, int count) =>
        Session is { } current && current.Run == run
            ? current.ReadReplica(part, start, count)
            : Task.FromResult<ReplicaRange?>(null);

    /// <inheritdoc/>
    public Task<ReplicaRange?> HashReplica(string run, int part, int firstPiece, int count) =>
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
            GrainFactory.GetGrain<ITrainingRun>(current.Run).Ping(Key, current.Generation).Ignore();
        return Task.CompletedTask;
    }
}
