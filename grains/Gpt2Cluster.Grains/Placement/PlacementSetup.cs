using Gpt2Cluster.Data.Datasets;
using Gpt2Cluster.Grains.Datasets;
using Gpt2Cluster.Grains.Housekeeping;
using Gpt2Cluster.Grains.Jobs;
using Gpt2Cluster.Grains.Models;
using Microsoft.Extensions.DependencyInjection;

namespace Gpt2Cluster.Grains.Placement;

/// <summary>Registers what the pinned grains need.</summary>
public static class PlacementSetup
{
    /// <summary>Adds the placement of pinned grains, the silo's own context, its disk and its ports.</summary>
    public static IServiceCollection AddPinnedGrains(this IServiceCollection services, SiloContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        services.AddPlacementDirector<SiloPinnedPlacement, SiloPinnedDirector>();
        return services
            .AddSingleton(context)
            .AddSingleton(new DatasetDirectory(Path.Combine(context.DataFolder, "datasets")))
            .AddSingleton<StoredDatasets>()
            .AddSingleton<StoredPaths>()
            .AddSingleton<UploadWork>()
            .AddSingleton<DiskInventory>()
            .AddSingleton<DiskKeeper>()
            .AddTransient<DiskRemoval>()
            .AddSingleton<JobServices>();
    }
}
