using System.Collections.Concurrent;

namespace Gpt2Cluster.Core.Threads;

/// <summary>
/// The one way to wait for a task without giving the thread back: for dedicated threads only, never in a grain's turn.
/// </summary>
public static class BlockingWait
{
    /// <summary>Blocks until the task is over, and gives its result.</summary>
    /// <exception cref="OperationCanceledException">The wait or the task was cancelled.</exception>
    public static T WaitHere<T>(this Task<T> task, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(task);
        return task.WaitAsync(cancellation).GetAwaiter().GetResult();
    }

    /// <summary>Blocks until the task is over.</summary>
    /// <exception cref="OperationCanceledException">The wait or the task was cancelled.</exception>
    public static void WaitHere(this Task task, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(task);
        task.WaitAsync(cancellation).GetAwaiter().GetResult();
    }

    /// <summary>
    /// Does asynchronous work on this thread, what follows an <c>await</c> included: the thread that owns a replica.
    /// What the work leaves behind goes on elsewhere.
    /// </summary>
    /// <exception cref="OperationCanceledException">The work was cancelled.</exception>
    public static T RunHere<T>(Func<Task<T>> work)
    {
        ArgumentNullException.ThrowIfNull(work);
        var before = SynchronizationContext.Current;
        var turns = new Turns();
        SynchronizationContext.SetSynchronizationContext(turns);
        try
        {
            var task = work();
            task.ContinueWith(
                _ => turns.End(),
                CancellationToken.None,
                TaskContinuationOptions.ExecuteSynchronously,
                TaskScheduler.Default);
            turns.Run();
            return task.GetAwaiter().GetResult();
        }
        finally
        {
            turns.End();
            SynchronizationContext.SetSynchronizationContext(before);
        }
    }

    /// <summary>The turns of one thread.</summary>
    private sealed class Turns : SynchronizationContext
    {
        private readonly Lock gate = new();
        private readonly BlockingCollection<(SendOrPostCallback Turn, object? State)> turns = [];

        public override void Post(SendOrPostCallback d, object? state)
        {
            lock (gate)
            {
                if (!turns.IsAddingCompleted)
                {
                    turns.Add((d, state));
                    return;
                }
            }

            base.Post(d, state);
        }

        public void End()
        {
            lock (gate)
                turns.CompleteAdding();
        }

        public void Run()
        {
            foreach (var (turn, state) in turns.GetConsumingEnumerable())
                turn(state);
        }
    }
}
