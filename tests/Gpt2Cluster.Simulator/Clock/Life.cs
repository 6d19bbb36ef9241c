namespace Gpt2Cluster.Simulator.Clock;

/// <summary>
/// One life of a process. What is to happen in it does not happen once it is dead, and waits while it is frozen.
/// </summary>
/// <param name="name">For traces.</param>
internal sealed class Life(string name)
{
    private readonly List<Action> deferred = [];

    /// <summary>For traces.</summary>
    public string Name => name;

    /// <summary>Whether it was killed or has ended.</summary>
    public bool IsDead { get; private set; }

    /// <summary>Whether it is stopped, as by SIGSTOP.</summary>
    public bool IsFrozen { get; private set; }

    /// <summary>Whether it runs.</summary>
    public bool IsAwake => !IsDead && !IsFrozen;

    /// <summary>Ends it for good.</summary>
    public void End()
    {
        IsDead = true;
        deferred.Clear();
    }

    /// <summary>Stops it.</summary>
    public void Freeze() => IsFrozen = !IsDead;

    /// <summary>Lets it go on; what had to wait is handed out in its order.</summary>
    public IReadOnlyList<Action> Thaw()
    {
        IsFrozen = false;
        Action[] waited = [.. deferred];
        deferred.Clear();
        return waited;
    }

    /// <summary>Keeps something until it goes on.</summary>
    public void Defer(Action action) => deferred.Add(action);
}
