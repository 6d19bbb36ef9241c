using System.Security.Cryptography;
using System.Text.Json;
using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Provenance;
using Gpt2Cluster.Data.Models.Exports;
using Gpt2Cluster.Data.Models.Safetensors;
using Gpt2Cluster.Data.Storage;

namespace Gpt2Cluster.Data.Models.Peft;

/// <summary>Writes adapters as a folder that PEFT's <c>PeftModel.from_pretrained</c> reads.</summary>
public static class PeftExport
{
    private static readonly string[] FileNames =
        [PeftAdapter.ConfigurationFileName, PeftAdapter.WeightsFileName, ModelCard.FileName, Origin.FileName];

    /// <summary>Refuses a place that an export may not take.</summary>
    /// <exception cref="UserErrorException">It is taken.</exception>
    public static void Check(string path, bool overwrites) =>
        ReplacedPlace.Check(path, overwrites, name => Array.IndexOf(FileNames, name) >= 0);

    /// <summary>Writes the folder.</summary>
    /// <exception cref="UserErrorException">The model has no adapters, or the place is taken.</exception>
    public static void Write(ExportedModel model, ExportRequest wish)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(wish);
        var adapter = model.Adapter ?? throw new UserErrorException($"{model.Origin.Name} has no adapters.");
        Check(wish.Path, wish.Overwrites);
        using var staged = new StagedFolder(wish.Path);
        using (var configuration = File.Create(staged.File(PeftAdapter.ConfigurationFileName)))
            WriteConfiguration(configuration, adapter);
        var origin = model.Origin with
        {
            WeightsSha256 = WriteWeights(staged.File(PeftAdapter.WeightsFileName), model, adapter, wish),
        };
        File.WriteAllText(staged.File(ModelCard.FileName), ModelCard.Write(model.Origin, "peft"));
        File.WriteAllText(staged.File(Origin.FileName), origin.Write());
        ReplacedPlace.Publish(staged, wish.Path);
    }

    /// <returns>SHA-256 of the file, lower-case hexadecimal.</returns>
    private static string WriteWeights(string path, ExportedModel model, AdapterWeights adapter, ExportRequest wish)
    {
        using var file = new FileStream(path, FileMode.CreateNew, FileAccess.Write);
        using var hash = SHA256.Create();
        using var hashed = new CryptoStream(file, hash, CryptoStreamMode.Write);
        var slices = adapter.Layout.Slices;
        var writer = new SafetensorsWriter(
            hashed,
            slices.Select(slice => (PeftAdapter.NamePrefix + slice.Name, slice.Dimensions)),
            wish.Type,
            new Dictionary<string, string> { [Origin.MetadataKey] = model.Record });
        foreach (var slice in slices)
        {
            wish.Cancellation.ThrowIfCancellationRequested();
            var factor = new float[slice.Length];
            adapter.Read(slice.Start, factor);
            writer.Write(factor);
            wish.Progress?.Report(slice.End);
        }

        writer.Complete();
        hashed.FlushFinalBlock();
        return Convert.ToHexStringLower(hash.Hash!);
    }

    private static void WriteConfiguration(Stream output, AdapterWeights adapter)
    {
        if (adapter.Configuration is { } brought)
        {
            output.Write(brought);
            return;
        }

        using var writer = new Utf8JsonWriter(output, new JsonWriterOptions { Indented = true });
        writer.WriteStartObject();
        writer.WriteString("peft_type", "LORA");
        writer.WriteString("task_type", "CAUSAL_LM");
        writer.WriteString("base_model_name_or_path", adapter.BaseModel);
        writer.WriteNumber("r", adapter.Options.Rank);
        writer.WriteNumber("lora_alpha", adapter.Options.Alpha);
        writer.WriteNumber("lora_dropout", adapter.Options.Dropout);
        writer.WriteStartArray("target_modules");
        foreach (var target in adapter.Options.Targets.Order(StringComparer.Ordinal))
            writer.WriteStringValue(target);
        writer.WriteEndArray();
        writer.WriteBoolean("fan_in_fan_out", true);
        writer.WriteString("bias", "none");
        writer.WriteBoolean("inference_mode", true);
        writer.WriteNull("modules_to_save");
        writer.WriteBoolean("use_rslora", false);
        writer.WriteBoolean("use_dora", false);
        writer.WriteEndObject();
    }
}
