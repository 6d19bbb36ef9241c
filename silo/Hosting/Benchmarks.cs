using System.Text.Json.Nodes;
using Gpt2Cluster.Core.Ports;

namespace Gpt2Cluster.Silo.Hosting;

/// <summary>The measurements of this silo's parts.</summary>
internal sealed class Benchmarks : IBenchmarks
{
    /// <inheritdoc/>
    public JsonObject Step(StepBenchmarkOrder order, CancellationToken cancellation) =>
        throw new NotSupportedException("bench step is not built yet");

    /// <inheritdoc/>
    public JsonObject Generate(GenerateBenchmarkOrder order, CancellationToken cancellation) =>
        throw new NotSupportedException("bench generate is not built yet");

    /// <inheritdoc/>
    public JsonObject Exchange(
        ExchangeMembership membership, long floats, int rounds, CancellationToken cancellation) =>
        throw new NotSupportedException("bench exchange is not built yet");
}
