using System.Text.Json;
using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Specification;
using Gpt2Cluster.Data.Models.Exports;
using Gpt2Cluster.Data.Models.Safetensors;

namespace Gpt2Cluster.Data.Models.Peft;

/// <summary>
/// Adapters (LoRA) as Hugging Face's PEFT keeps them: <c>adapter_config.json</c> and <c>adapter_model.safetensors</c>.
/// What cannot be used is refused by the name of its field.
/// </summary>
public sealed class PeftAdapter : IDisposable
{
    /// <summary>The configuration's file.</summary>
    public const string ConfigurationFileName = "adapter_config.json";

    /// <summary>The weights' file.</summary>
    public const string WeightsFileName = "adapter_model.safetensors";

    /// <summary>What PEFT puts before a model's own names.</summary>
    public const string NamePrefix = "base_model.model.transformer.";

    private readonly SafetensorsFile file;

    private PeftAdapter(SafetensorsFile file, LoraOptions options, ParameterLayout layout, string? baseModel)
    {
        this.file = file;
        Weights = new AdapterWeights(options, layout, Read, baseModel ?? "");
        BaseModel = baseModel;
    }

    /// <summary>The factors, and what they are.</summary>
    public AdapterWeights Weights { get; }

    /// <summary><c>base_model_name_or_path</c>; null if it is not said.</summary>
    public string? BaseModel { get; }

    /// <summary>Opens a folder and checks that every factor is there, in its shape.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="shape">The shape of the model that the adapters are added to.</param>
    /// <exception cref="UserErrorException">A file, field or factor is missing, misshapen or unsupported.</exception>
    public static PeftAdapter Open(string folder, ModelShape shape)
    {
        var (options, baseModel) = ReadConfiguration(Path.Combine(folder, ConfigurationFileName));
        var file = SafetensorsFile.Open(Path.Combine(folder, WeightsFileName));
        try
        {
            var layout = new ParameterLayout(shape, AdapterParameters.Describe(shape, options));
            foreach (var slice in layout.Slices)
            {
                if (file.Find(NamePrefix + slice.Name) is not { IsReadable: true } tensor
                    || !tensor.Dimensions.SequenceEqual(slice.Dimensions.Select(dimension => (long)dimension)))
                {
                    throw new UserErrorException(
                        $"{file.Path} does not hold {NamePrefix}{slice.Name} as "
                        + $"{string.Join(" x ", slice.Dimensions)}.");
                }
            }

            if (file.Tensors.Count != layout.Slices.Count)
                throw new UserErrorException($"{file.Path} holds more than the layers of {ConfigurationFileName}.");
            return new PeftAdapter(file, options, layout, baseModel);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => file.Dispose();

    private void Read(long start, Span<float> into)
    {
        foreach (var (slice, offset, first, count) in Weights.Layout.Parts(start, into.Length))
            file.ReadRange(NamePrefix + slice.Name, offset, into.Slice(first, count));
    }

    private static (LoraOptions Options, string? BaseModel) ReadConfiguration(string path)
    {
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(path));
            var root = document.RootElement;
            if (Unsupported(root) is { } field)
                throw new UserErrorException($"{path} cannot be used: {field} is not supported.");
            var options = new LoraOptions
            {
                Rank = root.GetProperty("r").GetInt32(),
                Alpha = root.GetProperty("lora_alpha").GetDouble(),
                Dropout = root.TryGetProperty("lora_dropout", out var dropout) ? dropout.GetDouble() : 0,
                Targets = [.. root.GetProperty("target_modules").EnumerateArray().Select(name => name.GetString()!)],
            };
            if (options.Rank < 1 || options.Targets.FirstOrDefault(name => !LoraOptions.KnownTargets.Contains(name))
                is { })
                throw new UserErrorException($"{path} cannot be used: r or target_modules is none that GPT-2 has.");
            var baseModel = root.TryGetProperty("base_model_name_or_path", out var name) ? name.GetString() : null;
            return (options, baseModel);
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException or JsonException
            or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw new UserErrorException($"{path} cannot be used ({problem.Message.TrimEnd('.')}).", problem);
        }
    }

    /// <summary>A field that asks for what is not built; null if there is none.</summary>
    private static string? Unsupported(JsonElement root)
    {
        if (!root.TryGetProperty("peft_type", out var kind) || kind.GetString() != "LORA")
            return "peft_type";
        foreach (var name in new[] { "use_rslora", "use_dora" })
        {
            if (root.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.True)
                return name;
        }

        if (root.TryGetProperty("bias", out var bias) && bias.GetString() is not (null or "none"))
            return "bias";
        return root.TryGetProperty("modules_to_save", out var saved) && saved.ValueKind != JsonValueKind.Null
            ? "modules_to_save"
            : null;
    }
}
