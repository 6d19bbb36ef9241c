using Gpt2Cluster.Core.Names;

namespace Gpt2Cluster.Grains.Runs;

/// <summary>
/// The coordinators that live on this silo. Before it stops each goes on to the next step boundary and acts no more:
/// the one that comes to life elsewhere finds no step in flight, and so loses no report.
/// </summary>
public sealed class LocalCoordinators
{
    private readonly HashSet<RunName> acting = [];
    private readonly TaskCompletionSource done = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock gate = new();
    private bool isLeaving;

    /// <summary>Whether the silo is to stop.</summary>
    public bool AreLeaving
    {
        get
        {
            lock (gate)
                return isLeaving;
        }
    }

    /// <summary>Asks them to act no more.</summary>
    /// <returns>Ends when none does.</returns>
    public Task Leave()
    {
        lock (gate)
        {
            isLeaving = true;
            SayIfDone();
            return done.Task;
        }
    }

    /// <summary>A coordinator begins to act.</summary>
    internal void Entered(RunName run)
    {
        lock (gate)
            acting.Add(run);
    }

    /// <summary>A coordinator acts no more.</summary>
    internal void Left(RunName run)
    {
        lock (gate)
        {
            acting.Remove(run);
            SayIfDone();
        }
    }

    private void SayIfDone()
    {
        if (isLeaving && acting.Count == 0)
            done.TrySetResult();
    }
}
