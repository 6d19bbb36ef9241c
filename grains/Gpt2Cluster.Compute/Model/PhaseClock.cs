using System.Diagnostics;
using Gpt2Cluster.Core.Ports;

namespace Gpt2Cluster.Compute.Model;

/// <summary>The parts of a step that are timed.</summary>
internal enum Phase
{
    /// <summary>Looking up tokens and positions, both passes.</summary>
    Embedding,

    /// <summary>All blocks, forward.</summary>
    BlocksForward,

    /// <summary>Last layer norm, logits and loss, forward.</summary>
    Head,

    /// <summary>The same, backward.</summary>
    HeadBackward,

    /// <summary>All blocks, backward.</summary>
    BlocksBackward,

    /// <summary>Adding gradients up the canonical tree.</summary>
    Fold,

    /// <summary>Norm, clipping and update.</summary>
    Optimizer,

    /// <summary>Between two calls; not counted.</summary>
    Outside,
}

/// <summary>Adds up the time spent in each phase: it always runs in exactly one.</summary>
internal sealed class PhaseClock
{
    private readonly long[] ticks = new long[(int)Phase.Outside + 1];
    private Phase current = Phase.Outside;
    private long since = Stopwatch.GetTimestamp();

    /// <summary>The times since the last reset.</summary>
    public ComputeTimes Times => new(
        Of(Phase.Embedding),
        Of(Phase.BlocksForward),
        Of(Phase.Head),
        Of(Phase.HeadBackward),
        Of(Phase.BlocksBackward),
        Of(Phase.Fold),
        Of(Phase.Optimizer));

    /// <summary>Ends the phase that runs and begins another.</summary>
    public Phase Enter(Phase phase)
    {
        var now = Stopwatch.GetTimestamp();
        ticks[(int)current] += now - since;
        since = now;
        var before = current;
        current = phase;
        return before;
    }

    /// <summary>Sets all times to zero; a phase in which the last step failed has ended.</summary>
    public void Reset()
    {
        Enter(Phase.Outside);
        Array.Clear(ticks);
    }

    private TimeSpan Of(Phase phase) => Stopwatch.GetElapsedTime(0, ticks[(int)phase]);
}
