using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Runs;

namespace Gpt2Cluster.Grains.Checkpoints;

/// <summary>
/// Writes one worker's checkpoints, one at a time: the snapshot between two steps, the rest while it goes on.
/// </summary>
internal sealed class CheckpointWriter(WorkerId worker, CheckpointStore store, TimeProvider time)
{
    /// <summary>One that is all but written is waited for; a disk that hangs must not hold up training.</summary>
    private static readonly TimeSpan EndPatience = TimeSpan.FromSeconds(2);

    /// <summary>
    /// A worker that ends waits for its disk as long as a silo that stops waits for its workers.
    /// </summary>
    private static readonly TimeSpan LastPatience = TimeSpan.FromSeconds(60);

    private Task writing = Task.CompletedTask;

    /// <summary>
    /// Snapshots the replica and returns; <paramref name="done"/> is called when the checkpoint is published or has
    /// failed. While the one before is being written it fails at once: no second snapshot takes memory.
    /// </summary>
    /// <param name="replica">What is saved; it stands at the order's step.</param>
    /// <param name="record">The run's record at that step.</param>
    /// <param name="order">The order.</param>
    /// <param name="done">Takes <see cref="CheckpointWritten"/> or <see cref="CheckpointFailed"/>.</param>
    public async Task<Task> Write(
        IReplicaState replica, RunRecord record, WriteCheckpoint order, Action<CoordinatorInput> done)
    {
        var began = time.GetTimestamp();
        await Finish(EndPatience);
        if (!writing.IsCompleted)
        {
            const string reason = "the checkpoint before is still being written";
            done(new CheckpointFailed(worker, order.Step, reason, IsBusy: true));
            return writing;
        }

        FaultPoints.Reach(FaultPoint.Snapshot, order.Step);
        return writing = Publish(replica.Snapshot(), record, order, began, done);
    }

    /// <summary>Waits for the checkpoint that is being written, but not for a disk that hangs.</summary>
    public Task<Task> Finish() => Finish(LastPatience);

    private Task<Task> Finish(TimeSpan patience) => writing.IsCompleted
        ? Task.FromResult(writing)
        : Task.WhenAny(writing, Task.Delay(patience, time));

    private async Task Publish(
        IReplicaSnapshot snapshot, RunRecord record, WriteCheckpoint order, long began, Action<CoordinatorInput> done)
    {
        CoordinatorInput outcome;
        try
        {
            using (snapshot)
            {
                var published = await store.Publish(snapshot, record, order);
                outcome = new CheckpointWritten(
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
            // Whatever it is, training goes on without this checkpoint.
            outcome = new CheckpointFailed(worker, order.Step, exception.Message);
        }

        done(outcome);
    }
}
