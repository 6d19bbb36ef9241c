using Microsoft.Extensions.DependencyInjection;

namespace Gpt2Cluster.Grains.Placement;

/// <summary>Registers what the pinned grains need.</summary>
public static class PlacementSetup
{
    /// <summary>Adds the placement of pinned grains and the silo's own context.</summary>
    public static IServiceCollection AddPinnedGrains(this IServiceCollection services, SiloContext context)
    {
        services.AddSingleton(context);
        services.AddPlacementDirector<SiloPinnedPlacement, SiloPinnedDirector>();
        return services;
    }
}
