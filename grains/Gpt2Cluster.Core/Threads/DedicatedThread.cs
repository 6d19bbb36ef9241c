namespace Gpt2Cluster.Core.Threads;

/// <summary>
/// Threads of their own for work that blocks or takes long: neither a grain's turn nor the thread pool waits for it.
/// None keeps the process from ending.
/// </summary>
public static class DedicatedThread
{
    /// <summary>Does work on a thread of its own.</summary>
    /// <param name="name">Shown in a debugger and in stack dumps.</param>
    /// <param name="work">The work.</param>
    /// <returns>Its result, or what it threw.</returns>
    public static Task<T> Run<T>(string name, Func<T> work)
    {
        ArgumentNullException.ThrowIfNull(work);
        var done = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        Start(name, () =>
        {
            try
            {
                done.SetResult(work());
            }
            catch (Exception problem)
            {
                done.SetException(problem);
            }
        });
        return done.Task;
    }

    /// <summary>Starts a thread for work that nobody waits for; what it throws ends the process.</summary>
    /// <param name="name">Shown in a debugger and in stack dumps.</param>
    /// <param name="work">The work.</param>
    public static Thread Start(string name, Action work)
    {
        var thread = Create(name, work);
        thread.Start();
        return thread;
    }

    /// <summary>Makes a thread that is not started yet; what its work throws ends the process.</summary>
    /// <param name="name">Shown in a debugger and in stack dumps.</param>
    /// <param name="work">The work.</param>
    public static Thread Create(string name, Action work)
    {
        ArgumentNullException.ThrowIfNull(work);
        return new Thread(() => work()) { IsBackground = true, Name = name };
    }
}
