using System.Text.Json.Nodes;
using Gpt2Cluster.Core.Devices;
using Gpt2Cluster.Core.Ports;

namespace Gpt2Cluster.Grains.Jobs;

/// <summary>What <c>doctor</c> says of one card.</summary>
internal static class CardReport
{
    /// <summary>Variables that change what a card computes, how fast, or whether it is seen.</summary>
    private static readonly string[] Overrides =
    [
        "CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "CUDA_LAUNCH_BLOCKING", "CUBLAS_WORKSPACE_CONFIG",
        "NVIDIA_TF32_OVERRIDE", "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE", "PYTORCH_CUDA_ALLOC_CONF", "CUDA_CACHE_PATH",
        "CUDA_MODULE_LOADING",
    ];

    /// <summary>Describes it.</summary>
    /// <param name="card">Its facts.</param>
    /// <param name="reading">How it is now; null where there is no library to ask.</param>
    /// <param name="sight">What the machine shows of its cards.</param>
    /// <param name="environment">The value of a variable; null if it is not set.</param>
    public static JsonObject Of(
        CardDescription card, CardReading? reading, CudaSight sight, Func<string, string?> environment)
    {
        var ordinal = sight.Cards.ToList().FindIndex(other => other.Uuid == card.Uuid);
        return new JsonObject
        {
            ["name"] = card.Name,
            ["uuid"] = card.Uuid,
            ["compute_capability"] = card.Capability,
            ["multiprocessors"] = card.MultiprocessorCount,
            ["memory_bytes"] = reading?.MemoryBytes ?? card.MemoryBytes,
            ["free_memory_bytes"] = reading?.FreeMemoryBytes,
            ["driver"] = reading?.DriverVersion,
            ["driver_cuda"] = CardDescription.VersionText(card.DriverCudaVersion),
            ["libraries"] = card.Libraries,
            ["pcie_generation"] = reading?.LinkGeneration,
            ["pcie_lanes"] = reading?.LinkWidth,
            ["mig"] = card.IsMig || reading?.IsDivided == true,
            ["reads_memory_of"] = new JsonArray(
                [.. sight.Peers.Where(pair => pair.From == ordinal).Select(pair => Node(sight.Cards[pair.To].Uuid))]),
            ["throttled"] = new JsonArray([.. (reading?.ThrottleReasons ?? []).Select(Node)]),
            ["uncorrected_memory_errors"] = reading?.UncorrectedErrors,
            ["environment"] = new JsonObject(
                Overrides.Where(name => environment(name) is not null)
                    .Select(name => KeyValuePair.Create(name, Node(environment(name)!)))),
        };
    }

    private static JsonNode? Node(string text) => JsonValue.Create(text);
}
