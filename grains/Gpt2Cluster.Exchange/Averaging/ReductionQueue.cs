namespace Gpt2Cluster.Exchange.Averaging;

/// <summary>
/// Additions that wait for a thread: the run's own, or a worker's that waits for averages. Bounded by the stripes and
/// subtrees of a step. The lock of the run guards it.
/// </summary>
/// <param name="gate">The lock of the run.</param>
internal sealed class ReductionQueue(object gate)
{
    private readonly Queue<StripeReduction> waiting = new();

    /// <summary>Has those that wait look again whether that is enough.</summary>
    public void Wake() => Monitor.PulseAll(gate);

    /// <summary>Adds one.</summary>
    public void Add(StripeReduction reduction)
    {
        waiting.Enqueue(reduction);
        if (waiting.Count == 1)
            Wake();
    }

    /// <summary>Waits for one; the lock is given up meanwhile.</summary>
    /// <param name="isEnough">Whether to wait no longer.</param>
    /// <returns>One whose plan's memory was entered; null if there is none.</returns>
    public StripeReduction? Take(Func<bool> isEnough)
    {
        while (true)
        {
            while (waiting.Count == 0 && !isEnough())
                Monitor.Wait(gate);
            if (!waiting.TryDequeue(out var next) || next.TryBegin())
                return next;
        }
    }

    /// <summary>Gives all up.</summary>
    public void Clear()
    {
        while (waiting.TryDequeue(out var left))
            left.Release();
    }
}
