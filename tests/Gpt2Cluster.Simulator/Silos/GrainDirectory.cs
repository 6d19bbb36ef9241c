using Gpt2Cluster.Simulator.Clock;

namespace Gpt2Cluster.Simulator.Silos;

/// <summary>
/// Where the grains are that may be anywhere. An entry ends with its silo's membership, or when the grain ends; it may
/// also be lost while the grain lives, and then a second one is made.
/// </summary>
internal sealed class GrainDirectory(MembershipTable membership, Chance chance)
{
    private readonly Dictionary<GrainId, Silo> entries = [];

    /// <summary>Where a grain is, or is to be; null if the caller knows no silo.</summary>
    public Silo? PlaceOf(GrainId id, IReadOnlyList<Silo> view)
    {
        if (entries.TryGetValue(id, out var silo) && membership.IsActive(silo))
            return silo;
        if (view.Count == 0)
            return null;
        return entries[id] = chance.Of(view);
    }

    /// <summary>The silo of a grain; null if it is nowhere.</summary>
    public Silo? Find(GrainId id) => entries.GetValueOrDefault(id);

    /// <summary>A grain began on a silo that the directory did not send it to.</summary>
    public void Register(GrainId id, Silo silo)
    {
        if (!entries.TryGetValue(id, out var present) || !membership.IsActive(present))
            entries[id] = silo;
    }

    /// <summary>A grain ended.</summary>
    public void Remove(GrainId id, Silo silo)
    {
        if (entries.TryGetValue(id, out var present) && present == silo)
            entries.Remove(id);
    }

    /// <summary>Forgets a grain that lives.</summary>
    public void Lose(GrainId id) => entries.Remove(id);
}
