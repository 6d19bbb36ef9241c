using Gpt2Cluster.Faults.Processes;
using Gpt2Cluster.Faults.Training;

namespace Gpt2Cluster.Faults.Faults;

/// <summary>SIGKILL to one silo; it is started again when the run has recovered, or at once.</summary>
/// <param name="victim">Which one.</param>
/// <param name="restartsAtOnce">Whether its supervisor is quick.</param>
internal sealed class Kill(Victim victim, bool restartsAtOnce)
    : Fault($"kill-{victim.Word()}{(restartsAtOnce ? "-restart" : "")}", victim)
{
    /// <inheritdoc/>
    public override bool CostsOneShare => true;

    /// <inheritdoc/>
    public override void Begin(Cluster cluster, Silo target) =>
        target.Kill(restarts: restartsAtOnce || cluster.IsStoreIn(target));
}

/// <summary>SIGKILL to two silos at once; they are started again when the run has recovered.</summary>
internal sealed class KillTwo() : Fault("kill-two", Victim.Whole)
{
    /// <inheritdoc/>
    public override void Begin(Cluster cluster, Silo target)
    {
        var other = cluster.Silos.First(silo => silo != target);
        foreach (var silo in new[] { target, other })
            silo.Kill(restarts: cluster.IsStoreIn(silo));
    }
}

/// <summary>SIGKILL to every silo; all are started again at once.</summary>
internal sealed class KillAll() : Fault("kill-all", Victim.Whole)
{
    /// <inheritdoc/>
    public override int LostStepsAtMost => 2 * RunPlan.SaveEvery;

    /// <inheritdoc/>
    public override void Begin(Cluster cluster, Silo target)
    {
        foreach (var silo in cluster.Silos)
            silo.Kill(restarts: true);
    }
}
