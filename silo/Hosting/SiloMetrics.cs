using Gpt2Cluster.Core.Retries;
using Gpt2Cluster.Grains.Metrics;
using OpenTelemetry.Metrics;

namespace Gpt2Cluster.Silo.Hosting;

/// <summary>What <c>/metrics</c> tells.</summary>
public static class SiloMetrics
{
    /// <summary>Adds our meters, Orleans' and .NET's to the Prometheus endpoint.</summary>
    public static void Add(IServiceCollection services) => services
        .AddGrainMetrics()
        .AddOpenTelemetry()
        .WithMetrics(metrics => metrics
            .AddMeter(RunInstruments.MeterName, RetryPolicy.MeterName, "Microsoft.Orleans", "System.Runtime")
            .AddPrometheusExporter(exporter => exporter.ScopeInfoEnabled = false));
}
