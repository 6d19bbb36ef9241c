using OpenTelemetry.Metrics;

namespace Gpt2Cluster.Silo.Hosting;

/// <summary>What <c>/metrics</c> tells.</summary>
public static class SiloMetrics
{
    /// <summary>Adds our meter, Orleans' and .NET's to the Prometheus endpoint.</summary>
    public static void Add(IServiceCollection services) => services.AddOpenTelemetry().WithMetrics(metrics => metrics
        .AddMeter("Gpt2Cluster", "Microsoft.Orleans", "System.Runtime")
        .AddPrometheusExporter(exporter => exporter.ScopeInfoEnabled = false));
}
