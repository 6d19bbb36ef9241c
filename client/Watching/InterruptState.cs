namespace Gpt2Cluster.Client.Watching;

/// <summary>What a signal asks for.</summary>
internal enum InterruptAction
{
    /// <summary>End in good order: pause the run that is watched, or give up what is going on.</summary>
    End,

    /// <summary>End at once.</summary>
    ExitNow,
}

/// <summary>Counts Ctrl+C: the first one ends in good order, every later one at once.</summary>
internal sealed class InterruptState
{
    private int signals;

    /// <summary>Whether there was one.</summary>
    public bool WasInterrupted => Volatile.Read(ref signals) > 0;

    /// <summary>Another one.</summary>
    public InterruptAction Signal() =>
        Interlocked.Increment(ref signals) == 1 ? InterruptAction.End : InterruptAction.ExitNow;
}
