namespace Gpt2Cluster.Simulator.Clock;

/// <summary>The clock of one process: its timers die and freeze with it.</summary>
/// <param name="timeline">The virtual time.</param>
/// <param name="life">The process.</param>
internal sealed class VirtualTime(Timeline timeline, Life? life) : TimeProvider
{
    private static readonly DateTimeOffset Epoch = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <inheritdoc/>
    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    /// <inheritdoc/>
    public override long GetTimestamp() => timeline.Now.Ticks;

    /// <inheritdoc/>
    public override DateTimeOffset GetUtcNow() => Epoch + timeline.Now;

    /// <inheritdoc/>
    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new VirtualTimer(timeline, life, () => callback(state));
        timer.Change(dueTime, period);
        return timer;
    }
}

/// <summary>A timer of <see cref="VirtualTime"/>.</summary>
internal sealed class VirtualTimer(Timeline timeline, Life? life, Action callback) : ITimer
{
    private int version;

    /// <inheritdoc/>
    public bool Change(TimeSpan dueTime, TimeSpan period)
    {
        var current = ++version;
        if (dueTime != Timeout.InfiniteTimeSpan)
            timeline.After(dueTime, life, () => Fire(current, period));
        return true;
    }

    /// <inheritdoc/>
    public void Dispose() => version++;

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        Dispose();
        return ValueTask.CompletedTask;
    }

    private void Fire(int scheduled, TimeSpan period)
    {
        if (scheduled != version)
            return;
        if (period > TimeSpan.Zero)
            timeline.After(period, life, () => Fire(scheduled, period));
        callback();
    }
}
