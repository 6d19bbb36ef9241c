using System.Globalization;
using System.Text.Json.Nodes;
using Gpt2Cluster.Core.Devices;
using Gpt2Cluster.Core.Memory;
using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Grains.Jobs;

/// <summary>Says what this machine has and what would stop a run on it.</summary>
internal static class DoctorJob
{
    /// <summary>
    /// What a run of GPT-2 124M keeps by default, five checkpoints of 12 bytes a parameter: three, the best, and one
    /// being written.
    /// </summary>
    private const long WantedDiskBytes = 5L * 12 * 124_439_808;

    private const int AdapterRank = 8;

    /// <summary>Does the work; the first look at a device loads libtorch and takes seconds.</summary>
    public static JsonObject Run(JobWork work)
    {
        var silo = work.Services.Silo;
        var precision = work.PrecisionOf(null);
        var profile = silo.Replicas.Profile(work.Device.Index, precision, work.Threads);
        var freeDisk = new DriveInfo(silo.DataFolder).AvailableFreeSpace;
        var memory = GC.GetGCMemoryInfo();
        var freeMemory = Math.Max(0, memory.TotalAvailableMemoryBytes - memory.MemoryLoadBytes);
        var report = new JsonObject
        {
            ["silo"] = silo.Name,
            ["machine"] = silo.MachineName,
            ["cores"] = Environment.ProcessorCount,
            ["device"] = work.Device.Kind,
            ["device_name"] = work.Device.Name,
            ["device_index"] = work.Device.Index,
            ["devices"] = silo.Replicas.Devices.Count,
            ["precision"] = precision == Precision.BFloat16 ? "bf16" : "fp32",
            ["bf16_is_fast"] = work.Device.BFloat16IsFast,
            ["threads"] = work.Threads,
            ["libtorch"] = profile.TorchVersion,
            ["instruction_set"] = profile.InstructionSet,
            ["fingerprint"] = profile.Fingerprint,
            ["memory_bytes"] = memory.TotalAvailableMemoryBytes,
            ["free_memory_bytes"] = freeMemory,
            ["data"] = silo.DataFolder,
            ["free_disk_bytes"] = freeDisk,
            ["keep_unused_days"] = silo.UnusedAge is { } age ? (int)age.TotalDays : 0,
            ["silo_port"] = silo.SiloPort,
            ["gateway_port"] = silo.GatewayPort,
            ["stripe_port"] = silo.Stripes.Port,
            ["http"] = silo.HttpAddress,
            ["warnings"] = new JsonArray([.. Warnings(silo.DataFolder, freeDisk), .. MemoryWarnings(work, freeMemory)]),
        };
        if (work.Device.Card is { } facts)
            report["card"] = Card(work, facts);
        if (silo.DeviceNotice is { } notice)
            report["warnings"]!.AsArray().Add(notice);
        return report;
    }

    private static JsonObject Card(JobWork work, CardDescription facts)
    {
        var benchmarks = work.Services.Benchmarks;
        var reading = work.Services.Cards.Read().FirstOrDefault(card => card.Uuid == facts.Uuid);
        var report = CardReport.Of(
            facts, reading, benchmarks.LookAtCards(), Environment.GetEnvironmentVariable);
        report["bytes_per_second"] = benchmarks.CopyRates(work.Device.Index);
        return report;
    }

    private static IEnumerable<JsonNode> Warnings(string folder, long freeDisk)
    {
        if (freeDisk < WantedDiskBytes)
        {
            yield return $"{Gigabytes(freeDisk)} GB are free in {folder}; five checkpoints of GPT-2 124M take "
                + $"{Gigabytes(WantedDiskBytes)} GB.";
        }
    }

    /// <summary>Of the memory that the device computes in: a card has its own.</summary>
    private static IEnumerable<JsonNode> MemoryWarnings(JobWork work, long freeMemory)
    {
        var (place, available) = work.Device.Card is { } card
            ? ($"The card {card.Name} has {Gigabytes(card.MemoryBytes)} GB of memory", card.MemoryBytes)
            : ($"{Gigabytes(freeMemory)} GB of memory are free", freeMemory);
        var all = TrainingBytes(work, new TrainingScope(TrainableParameters.All));
        if (available < all)
        {
            var adapters = TrainingBytes(work, new TrainingScope(TrainableParameters.Lora, AdapterRank));
            yield return $"{place}; training GPT-2 124M takes about {Gigabytes(all)} GB, with "
                + $"--train lora:{AdapterRank} {Gigabytes(adapters)} GB.";
        }
    }

    /// <summary>What a worker takes that trains GPT-2 124M with the smallest defaults of <c>train</c>.</summary>
    private static long TrainingBytes(JobWork work, TrainingScope scope)
    {
        var shape = Presets.Scratch("scratch:gpt2").Shape;
        var demand = MemoryEstimate.DemandOf(
            shape, Presets.FineTuning, shape.ContextLength, scope, work.PrecisionOf(null));
        return work.Device.IsCard
            ? CardMemoryEstimate.Of(demand).DeviceBytes
            : MemoryEstimate.Of(demand).TotalBytes;
    }

    private static string Gigabytes(long bytes) => (bytes / 1e9).ToString("0.0", CultureInfo.InvariantCulture);
}
