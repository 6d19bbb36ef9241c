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
    // Probes find a silent silo within some seconds; a list of silos that hears nothing drops it after ten.
    private static readonly TimeSpan SurelyDeclaredDead = TimeSpan.FromSeconds(10);

    /// <summary>As the commands and reports call it.</summary>
    public string Name => name;

    /// <summary>Whom it strikes.</summary>
    public Victim Victim => victim;

    /// <summary>Whether silos that do not answer for so long have been declared dead.</summary>
    protected static bool IsLongerThanASiloIsWaitedFor(TimeSpan lasts) => lasts >= SurelyDeclaredDead;

    /// <summary>How long it lasts; what is over at once lasts no time.</summary>
    public virtual TimeSpan Lasts => TimeSpan.Zero;

    /// <summary>
    /// Committed steps that may be lost at most: more than none only if every replica goes, so that the run goes on
    /// from a checkpoint.
    /// </summary>
    public virtual int LostStepsAtMost => 0;

    /// <summary>Whether a silo that lives may be declared dead, as others hear nothing of it for a while.</summary>
    public virtual bool MayDeclareDead => false;

    /// <summary>Whether nothing but what one silo computed may be computed again.</summary>
    public virtual bool CostsOneShare => false;

    /// <summary>
    /// Whether the run must go on while it lasts. It lasts until then, however long. What keeps the store from
    /// everybody, is over before a silo is declared dead, or only slows a network down, so that nobody need be declared
    /// dead, need not be outlived.
    /// </summary>
    public virtual bool IsOutlived(Cluster cluster, Silo target) => false;

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
