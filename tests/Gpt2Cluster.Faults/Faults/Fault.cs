using Gpt2Cluster.Faults.Processes;

namespace Gpt2Cluster.Faults.Faults;

/// <summary>Whom a fault strikes.</summary>
internal enum Victim
{
    /// <summary>A silo that does not host the coordinator.</summary>
    Worker,

    /// <summary>The silo that hosts the coordinator.</summary>
    Coordinator,

    /// <summary>More than one silo, or none.</summary>
    Whole,
}

/// <summary>Words for victims in names.</summary>
internal static class Victims
{
    /// <summary>The word.</summary>
    public static string Word(this Victim victim) => victim == Victim.Coordinator ? "coordinator" : "worker";
}

/// <summary>Something that happens to a cluster.</summary>
/// <param name="name">As the commands and reports call it.</param>
/// <param name="victim">Whom it strikes.</param>
internal abstract class Fault(string name, Victim victim)
{
    /// <summary>As the commands and reports call it.</summary>
    public string Name => name;

    /// <summary>Whom it strikes.</summary>
    public Victim Victim => victim;

    /// <summary>How long it lasts; what is over at once lasts no time.</summary>
    public virtual TimeSpan Lasts => TimeSpan.Zero;

    /// <summary>
    /// Whether every replica goes with it, so that steps since the newest checkpoint are computed again.
    /// </summary>
    public virtual bool TakesEveryReplica => false;

    /// <summary>What the cluster must stand on.</summary>
    public virtual Ground Ground => Ground.Plain;

    /// <summary>Why it cannot happen to a cluster; null if it can.</summary>
    public virtual string? ReasonAgainst(StoreKind store) => null;

    /// <summary>It happens.</summary>
    /// <param name="cluster">The cluster.</param>
    /// <param name="target">The silo it strikes first.</param>
    public abstract void Begin(Cluster cluster, Silo target);

    /// <summary>Whether those who watch were told what they must be told before it may end.</summary>
    /// <param name="warnings">Of the run since the fault began.</param>
    public virtual bool IsTold(IEnumerable<string> warnings) => true;

    /// <summary>It is over, <see cref="Lasts"/> later and when it was told.</summary>
    public virtual void End(Cluster cluster, Silo target)
    {
    }
}
