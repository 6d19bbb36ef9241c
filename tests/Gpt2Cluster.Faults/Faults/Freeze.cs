using Gpt2Cluster.Faults.Processes;

namespace Gpt2Cluster.Faults.Faults;

/// <summary>SIGSTOP to one silo, and SIGCONT later.</summary>
/// <param name="victim">Which one.</param>
/// <param name="lasts">How long it is frozen.</param>
internal sealed class Freeze(Victim victim, TimeSpan lasts)
    : Fault($"freeze-{victim.Word()}-{lasts.TotalSeconds:0.#}s", victim)
{
    /// <inheritdoc/>
    public override TimeSpan Lasts => lasts;

    /// <inheritdoc/>
    public override bool MayDeclareDead => true;

    /// <inheritdoc/>
    public override bool IsOutlived(Cluster cluster, Silo target) =>
        IsLongerThanASiloIsWaitedFor(lasts) && !cluster.IsStoreIn(target);

    /// <inheritdoc/>
    public override void Begin(Cluster cluster, Silo target) => target.Freeze();

    /// <inheritdoc/>
    public override void End(Cluster cluster, Silo target) => target.Thaw();
}
