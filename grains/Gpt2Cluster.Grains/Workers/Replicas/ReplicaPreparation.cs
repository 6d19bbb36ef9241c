using Gpt2Cluster.Contracts;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Core.Specification;
using Gpt2Cluster.Core.Threads;

namespace Gpt2Cluster.Grains.Workers.Replicas;

/// <summary>
/// Makes a replica stand where the coordinator says: kept, drawn fresh, loaded or copied. Checkpoints and other workers
/// have what is trained; frozen parameters come from the model that the run began with.
/// </summary>
internal sealed class ReplicaPreparation(WorkerServices services, RunSpecification specification)
{
    private IReplica? withFrozen;

    /// <summary>Does what the order says. Runs on the compute thread.</summary>
    /// <param name="replica">What is to stand there.</param>
    /// <param name="order">Where.</param>
    /// <param name="checkpoint">The checkpoint to load, if one is to be loaded.</param>
    /// <param name="cancellation">Gives up.</param>
    public void Bring(
        IReplica replica, PrepareReplica order, CheckpointEntry? checkpoint, CancellationToken cancellation)
    {
        var run = specification.Run;
        switch (order.Source)
        {
            case ReplicaSource.Keep:
                break;
            case ReplicaSource.Initialize:
                replica.Initialize(specification.Seed);
                withFrozen = replica;
                break;
            case ReplicaSource.Model:
                services.Parameters.LoadModel(replica, specification.Model, specification.Seed, cancellation);
                withFrozen = replica;
                break;
            case ReplicaSource.Checkpoint:
                BringFrozen(replica, cancellation);
                if (checkpoint is null)
                    throw new ArgumentException("The order names no checkpoint.", nameof(checkpoint));
                BlockingWait.RunHere(
                    () => services.CheckpointLoader.Load(replica, run, checkpoint, cancellation));
                break;
            case ReplicaSource.Copy:
                BringFrozen(replica, cancellation);
                var copy = new ReplicaCopy(key => services.Grains.Worker(key), run, order);
                BlockingWait.RunHere(() => copy.Run(replica, cancellation));
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(order), order.Source, "Unknown source of a replica.");
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
}
