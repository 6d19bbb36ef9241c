using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Core.Threads;

namespace Gpt2Cluster.Grains.Checkpoints;

/// <summary>
/// Writes one worker's checkpoints, one at a time: the snapshot between two steps, the rest on a thread of its own.
/// </summary>
internal sealed class CheckpointWriter(string worker, CheckpointStore store, TimeProvider time) : IDisposable
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
    /// <param name="replica">What is saved; it stands at the order's step.</param>
    /// <param name="record">The run's record at that step.</param>
    /// <param name="order">The order.</param>
    /// <param name="done">Takes <see cref="CheckpointWritten"/> or <see cref="CheckpointFailed"/>.</param>
    public void Write(IReplica replica, RunRecord record, WriteCheckpoint order, Action<CoordinatorInput> done)
    {
        var began = time.GetTimestamp();
        if (writing?.Join(EndPatience) == false)
        {
            const string reason = "the checkpoint before is still being written";
            done(new CheckpointFailed(worker, order.Step, reason, IsBusy: true));
            return;
        }

        FaultPoints.Reach(FaultPoint.Snapshot, order.Step);
        var snapshot = replica.Snapshot();
        writing = DedicatedThread.Start(
            $"checkpoint {record.Specification.Run} {order.Step}",
            () => done(Publish(snapshot, record, order, began)));
    }

    /// <summary>Waits for the checkpoint that is being written, but not for a disk that hangs.</summary>
    public void Dispose() => writing?.Join(LastPatience);

    private CoordinatorInput Publish(IReplicaSnapshot snapshot, RunRecord record, WriteCheckpoint order, long began)
    {
        try
        {
            using (snapshot)
            {
                var published = store.Publish(snapshot, record, order);
                return new CheckpointWritten(
                    worker,
                    order.Step,
                    published.StateHash,
                    published.Path,
                    time.GetElapsedTime(began),
                    published.DataFolderId);
            }
        }
        catch (Exception exception)
        {
            // Whatever it is, training goes on without this checkpoint; on this thread it would end the silo.
            return new CheckpointFailed(worker, order.Step, exception.Message);
        }
    }
}
