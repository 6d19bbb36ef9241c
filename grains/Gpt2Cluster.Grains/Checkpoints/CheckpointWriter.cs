using Gpt2Cluster.Contracts.Workers;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Grains.Checkpoints;

/// <summary>What became of a checkpoint.</summary>
/// <param name="StateHash">The state hash, lower-case hexadecimal; null if it could not be written.</param>
/// <param name="Path">Its folder; null if it could not be written.</param>
/// <param name="Elapsed">From the snapshot to the rename.</param>
/// <param name="Failure">Why it could not be written; null if it was.</param>
internal sealed record CheckpointOutcome(string? StateHash, string? Path, TimeSpan Elapsed, string? Failure);

/// <summary>
/// Writes one worker's checkpoints, one at a time: the snapshot between two steps, the rest on a thread of its own.
/// </summary>
internal sealed class CheckpointWriter(CheckpointStore store, RunSpecification specification, TimeProvider time)
    : IDisposable
{
    private Thread? writing;

    /// <summary>
    /// Snapshots the replica and returns; <paramref name="done"/> is called when the checkpoint is published or has
    /// failed.
    /// </summary>
    public void Write(IReplica replica, CheckpointPlan plan, Action<CheckpointOutcome> done)
    {
        writing?.Join();
        var began = time.GetTimestamp();
        FaultPoints.Reach(FaultPoint.Snapshot, plan.Step);
        var snapshot = ReplicaSnapshot.Take(replica, specification.Optimizer.Kind);
        writing = new Thread(() => done(Publish(snapshot, plan, began)))
        {
            Name = $"checkpoint {plan.Run} {plan.Step}",
            IsBackground = true,
        };
        writing.Start();
    }

    /// <summary>Waits for the checkpoint that is being written.</summary>
    public void Dispose() => writing?.Join();

    private CheckpointOutcome Publish(ReplicaSnapshot snapshot, CheckpointPlan plan, long began)
    {
        try
        {
            using (snapshot)
            {
                var manifest = store.Publish(snapshot, specification, plan);
                return new CheckpointOutcome(
                    manifest.StateHash, store.FolderOf(plan.Run, plan.Step), time.GetElapsedTime(began), null);
            }
        }
        catch (Exception exception)
        {
            // Whatever it is, training goes on without this checkpoint; on this thread it would end the silo.
            return new CheckpointOutcome(null, null, time.GetElapsedTime(began), exception.Message);
        }
    }
}
