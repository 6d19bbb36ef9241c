namespace Gpt2Cluster.Simulator.Clock;

/// <summary>
/// Everything that is going to happen, in the order of a virtual time. Nothing in a simulation knows another clock or
/// another thread.
/// </summary>
internal sealed class Timeline
{
    private readonly PriorityQueue<(Life? Life, Action Action), (TimeSpan At, long Order)> coming = new();
    private long order;

    /// <summary>Virtual time since the beginning.</summary>
    public TimeSpan Now { get; private set; }

    /// <summary>Something happens later.</summary>
    /// <param name="delay">From now on; 0 for after all that is to happen now.</param>
    /// <param name="life">In whose process; null for the world outside of them.</param>
    /// <param name="action">What.</param>
    public void After(TimeSpan delay, Life? life, Action action) =>
        coming.Enqueue((life, action), (Now + (delay > TimeSpan.Zero ? delay : TimeSpan.Zero), order++));

    /// <summary>A frozen process goes on with all that it has missed.</summary>
    public void Thaw(Life life)
    {
        foreach (var missed in life.Thaw())
            After(TimeSpan.Zero, life, missed);
    }

    /// <summary>Lets the next thing happen.</summary>
    /// <returns>False if nothing is left to happen.</returns>
    public bool Advance()
    {
        if (!coming.TryDequeue(out var next, out var when))
            return false;
        Now = when.At;
        if (next.Life is null or { IsAwake: true })
            next.Action();
        else if (!next.Life.IsDead)
            next.Life.Defer(next.Action);
        return true;
    }
}
