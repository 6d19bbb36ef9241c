using Gpt2Cluster.Contracts.Models;
using Gpt2Cluster.Contracts.Workers;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Grains.Workers;

/// <summary>Makes a replica stand where the coordinator says: kept, drawn fresh, loaded or copied.</summary>
internal sealed class ReplicaPreparation(WorkerServices services, RunSpecification specification)
{
    /// <summary>Does what the request says. Runs on the compute thread.</summary>
    public void Bring(IReplica replica, PrepareRequest request, CancellationToken cancellation)
    {
        switch (request.Origin)
        {
            case ReplicaOrigin.Keep:
                break;
            case ReplicaOrigin.Initialize:
                replica.Initialize(specification.Seed);
                break;
            case ReplicaOrigin.Model:
                services.Parameters.LoadModel(replica, specification.Model, cancellation);
                break;
            case ReplicaOrigin.Checkpoint:
                services.CheckpointLoader.Load(replica, CheckpointOf(request), cancellation);
                break;
            case ReplicaOrigin.Copy:
                new ReplicaCopy(key => services.Grains.GetGrain<IWorker>(key), request).Run(replica, cancellation);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(request), request.Origin, "Unknown source of a replica.");
        }
    }

    private static StoredCheckpoint CheckpointOf(PrepareRequest request) =>
        request.Checkpoint ?? throw new ArgumentException("The request names no checkpoint.", nameof(request));
}
