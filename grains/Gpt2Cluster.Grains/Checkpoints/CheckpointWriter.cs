using Gpt2Cluster.Contracts.Workers;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Specification;
using Gpt2Cluster.Core.Threads;

namespace Gpt2Cluster.Grains.Checkpoints;

/// <summary>What became of a checkpoint.</summary>
/// <param name="StateHash">The state hash, lower-case hexadecimal; null if it could not be written.</param>
/// <param name="Path">Its folder; null if it could not be written.</param>
/// <param name="Elapsed">From the snapshot to the rename.</param>
/// <param name="Failure">Why it could not be written; null if it was.</param>
/// <param name="IsBusy">Whether it was not begun, as the one before is still being written.</param>
internal sealed record CheckpointOutcome(
    string? StateHash, string? Path, TimeSpan Elapsed, string? Failure, bool IsBusy = false);

/// <summary>
/// Writes one worker's checkpoints, one at a time: the snapshot between two steps, the rest on a thread of its own.
/// </summary>
internal sealed class CheckpointWriter(CheckpointStore store, RunSpecification specification, TimeProvider time)
    : IDisposable
{
    /// <summary>One that is all but written is waited for; a disk that hangs must not hold up training.</summary>
    private static readonly TimeSpan EndPatience = TimeSpan.FromSeconds(2);

    /// <summary>
    /// A worker that ends waits for its disk as long as a silo that stops waits for its workers.
    /// </summary>
    private static readonly TimeSpan LastPatience = TimeSpan.FromSeconds(60);

    private Thread? writing;

    /// <summary>
    /// Snapshots the replica and returns; <paramref name="done"/> is called when the checkpoint is published or has
    /// failed. While the one before is being written it fails at once: no second snapshot takes memory.
    /// </summary>
    public void Write(IReplica replica, CheckpointPlan plan, Action<CheckpointOutcome> done)
    {
        var began = time.GetTimestamp();
        if (writing?.Join(EndPatience) == false)
        {
            done(new CheckpointOutcome(
                null, null, time.GetElapsedTime(began), "the checkpoint before is still being written", IsBusy: true));
            return;
        }

        FaultPoints.Reach(FaultPoint.Snapshot, plan.Step);
        var snapshot = replica.Snapshot();
        writing = DedicatedThread.Start(
            $"checkpoint {plan.Run} {plan.Step}", () => done(Publish(snapshot, plan, began)));
    }

    /// <summary>Waits for the checkpoint that is being written, but not for a disk that hangs.</summary>
    public void Dispose() => writing?.Join(LastPatience);

    private CheckpointOutcome Publish(IReplicaSnapshot snapshot, CheckpointPlan plan, long began)
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
