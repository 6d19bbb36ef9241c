using System.Collections.Concurrent;

namespace Gpt2Cluster.Grains.Workers;

/// <summary>
/// What the workers of a silo hold. It belongs to the process and not to the grains' activations: Orleans ends an
/// activation when the silo that kept its directory entry dies, and a replica must outlive every other silo.
/// </summary>
internal sealed class WorkerDesks : IDisposable
{
    private readonly ConcurrentDictionary<string, Lazy<WorkerDesk>> desks = new(StringComparer.Ordinal);

    /// <summary>The desk of a worker, as its last activation left it.</summary>
    /// <param name="worker">The worker's key.</param>
    public WorkerDesk Of(string worker) => desks.GetOrAdd(worker, key => new(() => new WorkerDesk(key))).Value;

    /// <summary>Ends all sessions and threads: the silo stops.</summary>
    public void Dispose()
    {
        foreach (var desk in desks.Values)
            desk.Value.Dispose();
    }
}

/// <summary>One worker's compute thread and the session it serves, if any. Used in the worker's turns only.</summary>
/// <param name="worker">The worker's key.</param>
internal sealed class WorkerDesk(string worker) : IDisposable
{
    /// <summary>The thread that owns the worker's tensors.</summary>
    public ComputeThread Compute { get; } = new($"compute {worker}");

    /// <summary>The service to one run; null if there is none.</summary>
    public WorkerSession? Session { get; private set; }

    /// <summary>Begins another service; the one before ends.</summary>
    public void Begin(WorkerSession session)
    {
        End();
        Session = session;
    }

    /// <summary>Ends the service.</summary>
    public void End()
    {
        Session?.Dispose();
        Session = null;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        End();
        Compute.Dispose();
    }
}
