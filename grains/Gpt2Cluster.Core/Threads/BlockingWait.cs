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
}
