using Gpt2Cluster.Grains.Checkpoints;
using Gpt2Cluster.Grains.Models;
using Gpt2Cluster.Grains.Placement;
using Gpt2Cluster.Grains.Reducers;
using Gpt2Cluster.Grains.Runs;
using Microsoft.Extensions.DependencyInjection;

namespace Gpt2Cluster.Grains.Workers;

/// <summary>Registers what coordinators, workers and reducers need; the silo adds where events are stored.</summary>
public static class TrainingSetup
{
    /// <summary>Adds the services of training on one silo.</summary>
    public static IServiceCollection AddTraining(this IServiceCollection services) => services
        .AddSingleton<RunExchanges>()
        .AddSingleton(provider => provider.GetRequiredService<SiloContext>().Replicas)
        .AddSingleton<CheckpointStore>()
        .AddSingleton<CheckpointLoader>()
        .AddSingleton<IPeerDisks, PeerDisks>()
        .AddSingleton<FileHashes>()
        .AddSingleton<ParameterLoader>()
        .AddSingleton<WorkerServices>()
        .AddSingleton<WorkerSlots>()
        .AddSingleton<LocalCoordinators>();
}
