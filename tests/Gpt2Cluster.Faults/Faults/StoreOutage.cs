using Gpt2Cluster.Faults.Processes;

namespace Gpt2Cluster.Faults.Faults;

/// <summary>The store answers nobody for a while: its process is frozen, or killed and started again later.</summary>
/// <param name="isKilled">Whether it is killed.</param>
/// <param name="lasts">How long.</param>
internal sealed class StoreOutage(bool isKilled, TimeSpan lasts)
    : Fault($"{(isKilled ? "kill" : "freeze")}-store-{lasts.TotalSeconds:0.#}s", Victim.Whole)
{
    /// <inheritdoc/>
    public override TimeSpan Lasts => lasts;

    /// <inheritdoc/>
    public override string? ReasonAgainst(StoreKind store) =>
        store == StoreKind.Embedded ? "an embedded store goes with its silo" : null;

    /// <inheritdoc/>
    public override void Begin(Cluster cluster, Silo target)
    {
        if (isKilled)
            cluster.Redis!.Kill();
        else
            cluster.Redis!.Freeze();
    }

    /// <inheritdoc/>
    public override void End(Cluster cluster, Silo target)
    {
        if (isKilled)
            cluster.Redis!.Restart();
        else
            cluster.Redis!.Thaw();
    }
}
