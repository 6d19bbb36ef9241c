using Gpt2Cluster.Contracts;
using Orleans.Runtime.Placement;

namespace Gpt2Cluster.Grains.Placement;

/// <summary>
/// Finds the silo that a pinned grain's key names; a dead silo's grains are never brought to life elsewhere.
/// </summary>
/// <param name="silos">Who is in the cluster, by name.</param>
public sealed class SiloPinnedDirector(ISiloStatusOracle silos) : IPlacementDirector
{
    /// <inheritdoc/>
    /// <exception cref="SiloUnavailableException">
    /// No silo of that name is in the cluster: callers repeat a call that fails so, for the silo may come back.
    /// </exception>
    public Task<SiloAddress> OnAddActivation(
        PlacementStrategy strategy, PlacementTarget target, IPlacementContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        var wanted = GrainKeys.SiloOf(target.GrainIdentity.Key.ToString()!).ToString();

        // A silo that was killed and started again is in the list twice until its first life is declared dead.
        var found = context.GetCompatibleSilos(target)
            .Where(address => silos.TryGetSiloName(address, out var name) && name == wanted)
            .MaxBy(address => address.Generation);
        return found is null
            ? throw new SiloUnavailableException(
                $"No silo named {wanted} is in the cluster, so {target.GrainIdentity} cannot run.")
            : Task.FromResult(found);
    }
}
