using Microsoft.Extensions.DependencyInjection;

namespace Gpt2Cluster.Grains.Metrics;

/// <summary>Registers what grains count with.</summary>
public static class MetricsSetup
{
    /// <summary>
    /// Adds <see cref="RunMetrics"/>, <see cref="WorkerMetrics"/> and the instruments of the silo and its cards.
    /// </summary>
    public static IServiceCollection AddGrainMetrics(this IServiceCollection services) => services
        .AddSingleton<RunSeries>()
        .AddSingleton<RunInstruments>()
        .AddSingleton<RunMetrics>()
        .AddSingleton<WorkerMetrics>()
        .AddSingleton<SiloInstruments>()
        .AddSingleton<CardInstruments>();
}
