using Gpt2Cluster.Contracts;
using Gpt2Cluster.Contracts.Workers;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Core.Specification;
using Gpt2Cluster.Core.Workers;
using Gpt2Cluster.Simulator.Silos;

namespace Gpt2Cluster.Simulator.Workers;

/// <summary>
/// One device's mailbox. A worker that serves and hears nothing for 2 s calls the coordinator.
/// </summary>
internal sealed class SimulatedWorker : IWorker
{
    private static readonly TimeSpan SilenceBeforePing = TimeSpan.FromSeconds(2);

    private readonly SimulatedCluster cluster;
    private readonly Silo silo;
    private TimeSpan lastHeard;
    private int servingCount;

    /// <summary>A worker that serves nobody yet.</summary>
    public SimulatedWorker(SimulatedCluster cluster, Silo silo, string key)
    {
        this.cluster = cluster;
        this.silo = silo;
        Key = key;
        Compute = new ComputeQueue(cluster, silo.Life);
        cluster.Timeline.After(SilenceBeforePing, silo.Life, PingWhenSilent);
    }

    /// <summary>Its key.</summary>
    public string Key { get; }

    /// <summary>Its compute thread.</summary>
    public ComputeQueue Compute { get; }

    /// <summary>The service to the run; null if there is none.</summary>
    public WorkerService? Service { get; private set; }

    /// <summary>Whether it serves no run, and all that it wrote for one is written.</summary>
    public bool ServesNobody => servingCount == 0;

    /// <inheritdoc/>
    public Task<bool> Prepare(
        RunSpecification specification, PrepareReplica order, CheckpointEntry? checkpoint, bool reportsExchange)
    {
        if (Service is null)
        {
            Service = new WorkerService(cluster, silo, this);
            servingCount++;
        }

        return Serve(new WorkerOrder(order) { Checkpoint = checkpoint, ReportsExchange = reportsExchange });
    }

    /// <inheritdoc/>
    public Task<bool> Plan(string run, PlanStep order) => Serve(new WorkerOrder(order));

    /// <inheritdoc/>
    public Task<bool> Validate(string run, Validate order) => Serve(new WorkerOrder(order));

    /// <inheritdoc/>
    public Task<bool> Sample(string run, Sample order) => Serve(new WorkerOrder(order));

    /// <inheritdoc/>
    public Task<bool> Checkpoint(RunRecord record, WriteCheckpoint order) =>
        Serve(new WorkerOrder(order) { Record = record });

    /// <inheritdoc/>
    public Task Release(string run, int generation)
    {
        if (Service is { } current && current.MayRelease(generation))
        {
            cluster.Trace.Say($"{Key} is released at generation {generation}");
            current.Dispose();
            Service = null;
            Compute.Enqueue(() =>
            {
                servingCount--;
                return Task.CompletedTask;
            });
        }

        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public Task<ReplicaRange?> ReadReplica(string run, ReplicaPart part, long start, int count) =>
        Service is { } current ? current.ReadReplica(part, start, count) : Task.FromResult<ReplicaRange?>(null);

    /// <inheritdoc/>
    public Task<ReplicaRange?> HashReplica(string run, ReplicaPart part, int firstPiece, int count) =>
        Service is { } current ? current.HashReplica(part) : Task.FromResult<ReplicaRange?>(null);

    /// <inheritdoc/>
    public Task<WorkerPosition?> Stand() => Task.FromResult<WorkerPosition?>(null);

    private Task<bool> Serve(WorkerOrder order)
    {
        lastHeard = cluster.Timeline.Now;
        return Task.FromResult(Service?.Take(order) == true);
    }

    private void PingWhenSilent()
    {
        if (Service is { } current && cluster.Timeline.Now - lastHeard >= SilenceBeforePing)
        {
            silo.Grains.Run(SimulatedCluster.RunName).Ping(Key, current.Generation).Ignore();
        }

        cluster.Timeline.After(SilenceBeforePing, silo.Life, PingWhenSilent);
    }
}
