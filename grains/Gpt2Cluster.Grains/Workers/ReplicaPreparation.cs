using Gpt2Cluster.Contracts.Models;
using Gpt2Cluster.Contracts.Workers;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Grains.Workers;

/// <summary>
/// Makes a replica stand where the coordinator says: kept, drawn fresh, loaded or copied. Checkpoints and other workers
/// have what is trained; frozen parameters come from the model that the run began with.
/// </summary>
internal sealed class ReplicaPreparation(WorkerServices services, RunSpecification specification)
{
    private IReplica? withFrozen;

    /// <summary>Does what the request says. Runs on the compute thread.</summary>
    public void Bring(IReplica replica, PrepareRequest request, CancellationToken cancellation)
    {
        switch (request.Origin)
        {
            case ReplicaOrigin.Keep:
                break;
            case ReplicaOrigin.Initialize:
                replica.Initialize(specification.Seed);
                withFrozen = replica;
                break;
            case ReplicaOrigin.Model:
                services.Parameters.LoadModel(replica, specification.Model, specification.Seed, cancellation);
                withFrozen = replica;
                break;
            case ReplicaOrigin.Checkpoint:
                BringFrozen(replica, cancellation);
                services.CheckpointLoader.Load(replica, CheckpointOf(request), cancellation);
                break;
            case ReplicaOrigin.Copy:
                BringFrozen(replica, cancellation);
                new ReplicaCopy(key => services.Grains.GetGrain<IWorker>(key), request).Run(replica, cancellation);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(request), request.Origin, "Unknown source of a replica.");
        }
    }

    /// <summary>Once in a replica's life: they never change.</summary>
    private void BringFrozen(IReplica replica, CancellationToken cancellation)
    {
        if (withFrozen == replica || replica.Parameters.Frozen.Length == 0)
            return;
        services.Parameters.LoadFrozen(replica, specification.Model, specification.Seed, cancellation);
        withFrozen = replica;
    }

    private static StoredCheckpoint CheckpointOf(PrepareRequest request) =>
        request.Checkpoint ?? throw new ArgumentException("The request names no checkpoint.", nameof(request));
}
