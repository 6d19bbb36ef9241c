namespace Gpt2Cluster.Exchange.Averaging;

/// <summary>Counts who is reading or writing memory that will be released; once closed, nobody new gets in.</summary>
internal sealed class Lease
{
    private readonly object gate = new();
    private int useCount;
    private bool closed;

    /// <summary>Enters; false once the lease is closed.</summary>
    public bool TryEnter()
    {
        lock (gate)
        {
            if (closed)
                return false;
            useCount++;
            return true;
        }
    }

    /// <summary>Leaves after a <see cref="TryEnter"/> that gave true.</summary>
    public void Exit()
    {
        lock (gate)
        {
            if (--useCount == 0 && closed)
                Monitor.PulseAll(gate);
        }
    }

    /// <summary>Lets nobody in any more and waits until all have left.</summary>
    /// <returns>False if somebody was still in after <paramref name="timeout"/>.</returns>
    public bool Close(TimeSpan timeout)
    {
        lock (gate)
        {
            closed = true;
            while (useCount > 0)
            {
                // Only the last to leave pulses, so one wait is enough to know.
                if (!Monitor.Wait(gate, timeout))
                    return useCount == 0;
            }

            return true;
        }
    }
}
