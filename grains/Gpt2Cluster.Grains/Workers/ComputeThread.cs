using System.Collections.Concurrent;
using Gpt2Cluster.Core.Threads;

namespace Gpt2Cluster.Grains.Workers;

/// <summary>
/// The one thread that owns a worker's tensors, behind a bounded queue: compute never runs in a grain turn, and what
/// follows a long step waits here, not in the mailbox.
/// </summary>
internal sealed class ComputeThread : IDisposable
{
    /// <summary>
    /// More than this at once is a fault: the coordinator gives one step at a time, and each worker that copies the
    /// replica has eight reads under way.
    /// </summary>
    private const int MaximumWaiting = 4096;

    private readonly BlockingCollection<Action> orders = new(MaximumWaiting);
    private readonly Thread thread;

    /// <summary>Starts the thread.</summary>
    /// <param name="name">Shown in a debugger and in stack dumps.</param>
    /// <param name="niceness">Of the thread and those it starts (<see cref="ThreadNiceness"/>).</param>
    public ComputeThread(string name, int niceness)
    {
        thread = DedicatedThread.Start(name, () => Work(niceness));
    }

    /// <summary>Puts an order behind the others.</summary>
    /// <exception cref="InvalidOperationException">Too many orders wait, or the thread was ended.</exception>
    public void Enqueue(Action order)
    {
        if (!orders.TryAdd(order))
            throw new InvalidOperationException($"{MaximumWaiting} orders wait for {thread.Name}.");
    }

    /// <summary>Puts an order behind the others and gives its result.</summary>
    public Task<T> Ask<T>(Func<T> order)
    {
        var answer = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        Enqueue(() =>
        {
            try
            {
                answer.SetResult(order());
            }
            catch (Exception exception)
            {
                answer.SetException(exception);
            }
        });
        return answer.Task;
    }

    /// <summary>Ends the thread once the orders that wait are done; does not wait for that.</summary>
    public void Dispose() => orders.CompleteAdding();

    private void Work(int niceness)
    {
        ThreadNiceness.Set(niceness);
        foreach (var order in orders.GetConsumingEnumerable())
            order();
        orders.Dispose();
    }
}
