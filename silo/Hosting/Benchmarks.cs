using System.Text.Json.Nodes;
using Gpt2Cluster.Compute.Benchmarks;
using Gpt2Cluster.Compute.Devices;
using Gpt2Cluster.Core.Devices;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Exchange;
using Gpt2Cluster.Grains.Placement;

namespace Gpt2Cluster.Silo.Hosting;

/// <summary>The measurements of this silo's parts, as the command line shows them.</summary>
internal sealed class Benchmarks(SiloContext silo, TimeProvider time) : IBenchmarks
{
    /// <inheritdoc/>
    public JsonObject Step(StepBenchmarkOrder order, CancellationToken cancellation)
    {
        var found = StepBenchmark.Run(silo.Replicas, order, cancellation);
        return new JsonObject
        {
            ["tokens_per_second"] = found.TokensPerSecond,
            ["seconds_per_step"] = found.SecondsPerStep,
            ["matmul_gflops"] = found.MatmulGflops,
            ["model_flops_utilization"] = found.ModelFlopsUtilization,
            ["peak_resident_bytes"] = found.PeakResidentBytes,
            ["estimated_bytes"] = found.EstimatedBytes,
            ["phase_seconds"] = new JsonObject
            {
                ["embedding"] = found.Phases.Embedding.TotalSeconds,
                ["blocks_forward"] = found.Phases.BlocksForward.TotalSeconds,
                ["head"] = found.Phases.Head.TotalSeconds,
                ["head_backward"] = found.Phases.HeadBackward.TotalSeconds,
                ["blocks_backward"] = found.Phases.BlocksBackward.TotalSeconds,
                ["fold"] = found.Phases.Fold.TotalSeconds,
                ["optimizer"] = found.Phases.Optimizer.TotalSeconds,
            },
        };
    }

    /// <inheritdoc/>
    public JsonObject? CopyRates(int deviceIndex) =>
        Compute.Benchmarks.CopyRates.Measure(silo.Replicas.Devices[deviceIndex]) is not { } rates
            ? null
            : new JsonObject
            {
                ["pageable_to_card"] = rates.PageableToCard,
                ["pinned_to_card"] = rates.PinnedToCard,
                ["from_card"] = rates.FromCard,
            };

    /// <inheritdoc/>
    public CudaSight LookAtCards() => CudaDriver.Look();

    /// <inheritdoc/>
    public JsonObject Generate(GenerateBenchmarkOrder order, CancellationToken cancellation)
    {
        var found = GenerateBenchmark.Run(silo.Replicas, order, cancellation);
        return new JsonObject
        {
            ["tokens_per_second"] = found.TokensPerSecond,
            ["seconds_per_token"] = found.SecondsPerToken,
            ["first_quarter_seconds_per_token"] = found.FirstQuarterSecondsPerToken,
            ["last_quarter_seconds_per_token"] = found.LastQuarterSecondsPerToken,
            ["products_seconds_per_token"] = found.ProductsSecondsPerToken,
            ["read_bandwidth_share"] = found.ReadBandwidthShare,
        };
    }

    /// <inheritdoc/>
    public JsonObject Exchange(
        ExchangeMembership membership,
        long floats,
        int rounds,
        Func<IDisposable> beside,
        CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(membership);
        using var benchmark = new ExchangeBenchmark(silo.Stripes, membership, floats, time);
        var seconds = benchmark.Run(rounds, beside, cancellation).SlowestMedian.TotalSeconds;
        return new JsonObject
        {
            ["silos"] = membership.Silos.Count,
            ["floats"] = floats,
            ["seconds"] = seconds,
            ["gigabytes_per_second"] = floats * sizeof(float) / seconds / 1e9,
        };
    }
}
