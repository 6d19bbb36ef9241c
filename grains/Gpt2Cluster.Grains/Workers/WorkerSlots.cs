using System.Collections.Concurrent;

namespace Gpt2Cluster.Grains.Workers;

/// <summary>
/// What the workers of a silo hold. It belongs to the process and not to the grains' activations: Orleans ends an
/// activation when the silo that kept its directory entry dies, and a replica must outlive every other silo.
/// </summary>
public sealed class WorkerSlots : IDisposable
{
    private readonly ConcurrentDictionary<string, Lazy<WorkerDesk>> desks = new(StringComparer.Ordinal);
    private readonly Lock gate = new();
    private TaskCompletionSource left = NewSignal();
    private int servingCount;

    /// <summary>Whether no worker serves a run, and whatever it wrote for one is written.</summary>
    public bool ServeNobody => Volatile.Read(ref servingCount) == 0;

    /// <summary>The desk of a worker, as its last activation left it.</summary>
    /// <param name="worker">The worker's key.</param>
    /// <param name="niceness">Of its compute thread.</param>
    internal WorkerDesk Of(string worker, int niceness) =>
        desks.GetOrAdd(worker, key => new(() => new WorkerDesk(key, niceness, this))).Value;

    /// <summary>Ends when a worker leaves its run the next time.</summary>
    public Task NextLeave()
    {
        lock (gate)
            return left.Task;
    }

    /// <summary>A worker begins to serve a run.</summary>
    internal void Entered() => Interlocked.Increment(ref servingCount);

    /// <summary>A worker serves a run no more.</summary>
    internal void Left()
    {
        TaskCompletionSource signal;
        lock (gate)
        {
            Interlocked.Decrement(ref servingCount);
            (signal, left) = (left, NewSignal());
        }

        signal.SetResult();
    }

    /// <summary>Ends all sessions and threads: the silo stops.</summary>
    public void Dispose()
    {
        foreach (var desk in desks.Values)
            desk.Value.Dispose();
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}

/// <summary>One worker's compute thread and the session it serves, if any. Used in the worker's turns only.</summary>
/// <param name="worker">The worker's key.</param>
/// <param name="niceness">Of the compute thread.</param>
/// <param name="desks">All desks of the silo.</param>
internal sealed class WorkerDesk(string worker, int niceness, WorkerSlots desks) : IDisposable
{
    /// <summary>The thread that owns the worker's tensors.</summary>
    public ComputeThread Compute { get; } = new($"compute {worker}", niceness);

    /// <summary>The service to one run; null if there is none.</summary>
    public WorkerSession? Session { get; private set; }

    /// <summary>Begins another service; the one before ends.</summary>
    public void Begin(WorkerSession session)
    {
        End();
        desks.Entered();
        Session = session;
    }

    /// <summary>Ends the service.</summary>
    public void End()
    {
        if (Session is not { } ending)
            return;
        Session = null;
        ending.Dispose();
        // It is over when the compute thread has come so far.
        Compute.Enqueue(desks.Left);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        End();
        Compute.Dispose();
    }
}
