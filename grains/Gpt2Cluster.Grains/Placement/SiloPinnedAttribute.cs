using Orleans.Placement;

namespace Gpt2Cluster.Grains.Placement;

/// <summary>
/// A grain that lives on the silo whose name is the first segment of its key, or nowhere: devices and disks do not
/// move.
/// </summary>
[AttributeUsage(AttributeTargets.Class, AllowMultiple = false)]
public sealed class SiloPinnedAttribute : PlacementAttribute
{
    /// <summary>Pins the grain.</summary>
    public SiloPinnedAttribute()
        : base(new SiloPinnedPlacement())
    {
    }
}

/// <summary>The strategy behind <see cref="SiloPinnedAttribute"/>.</summary>
[GenerateSerializer, Immutable, SuppressReferenceTracking, Alias("gpt2.silo-pinned-placement.v1")]
public sealed class SiloPinnedPlacement : PlacementStrategy
{
}
