using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Data.Models.Exports;
using Gpt2Cluster.Data.Models.Safetensors;

namespace Gpt2Cluster.Data.Models.Peft;

/// <summary>
/// Adapters (LoRA) as Hugging Face's PEFT keeps them: <c>adapter_config.json</c> and <c>adapter_model.safetensors</c>.
/// What cannot be used is refused by the name of its field.
/// </summary>
public static class PeftAdapter
{
    /// <summary>The configuration's file.</summary>
    public const string ConfigurationFileName = "adapter_config.json";

    /// <summary>The weights' file.</summary>
    public const string WeightsFileName = "adapter_model.safetensors";

    /// <summary>What PEFT puts before a model's own names.</summary>
    public const string NamePrefix = "base_model.model.transformer.";

    private const int MostNamesInMessage = 3;

    /// <summary>Whether a folder holds adapters.</summary>
    public static bool IsIn(string folder) => File.Exists(Path.Combine(folder, ConfigurationFileName));

    /// <summary>The model that adapters say they are added to: a name, a path; null where they say nothing.</summary>
    /// <exception cref="UserErrorException">The configuration is missing, or asks for what is not built.</exception>
    public static string? BaseModelOf(string folder) =>
        PeftConfiguration.Read(Path.Combine(folder, ConfigurationFileName)).BaseModel;

    /// <summary>Reads a folder, all of its factors, after checking that each is there in its shape.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="shape">The shape of the model that the adapters are added to.</param>
    /// <exception cref="UserErrorException">A file, field or factor is missing, misshapen or unsupported.</exception>
    public static AdapterWeights Read(string folder, ModelShape shape)
    {
        var configuration = PeftConfiguration.Read(Path.Combine(folder, ConfigurationFileName));
        using var file = SafetensorsFile.Open(Path.Combine(folder, WeightsFileName));
        var layout = new ParameterLayout(shape, AdapterParameters.Describe(shape, configuration.Options));
        Check(file, layout);
        var factors = new float[layout.Length];
        foreach (var slice in layout.Slices)
            file.ReadRange(NamePrefix + slice.Name, 0, factors.AsSpan((int)slice.Start, (int)slice.Length));
        return new AdapterWeights(
            configuration.Options,
            layout,
            (start, into) => factors.AsSpan((int)start, into.Length).CopyTo(into),
            configuration.BaseModel ?? "")
        {
            Configuration = configuration.Text,
        };
    }

    /// <summary>Every fault at once: a base of another size shows in all of them.</summary>
    private static void Check(SafetensorsFile file, ParameterLayout layout)
    {
        var known = layout.Slices.Select(slice => NamePrefix + slice.Name).ToHashSet(StringComparer.Ordinal);
        List<string> faults =
        [
            .. layout.Slices.Select(slice => Fault(file, slice)).OfType<string>(),
            .. file.Tensors.Where(tensor => !known.Contains(tensor.Name))
                .Select(tensor => $"{tensor.Name} belongs to no layer of {ConfigurationFileName} and the base model"),
        ];
        if (faults.Count == 0)
            return;
        var rest = faults.Count > MostNamesInMessage ? $"; and {faults.Count - MostNamesInMessage} more" : "";
        var shape = layout.Shape;
        throw new UserErrorException(
            $"{file.Path} does not fit a base model of {shape.LayerCount} layers of width {shape.Width}: "
            + $"{string.Join("; ", faults.Take(MostNamesInMessage))}{rest}; name the model it was trained on with "
            + "--base.");
    }

    private static string? Fault(SafetensorsFile file, ParameterSlice slice)
    {
        var name = NamePrefix + slice.Name;
        if (file.Find(name) is not { } tensor)
            return $"{name} is missing";
        if (!tensor.Dimensions.SequenceEqual(slice.Dimensions.Select(dimension => (long)dimension)))
            return $"{name} is {tensor.DimensionText}, not {string.Join(" x ", slice.Dimensions)}";
        return tensor.IsReadable
            ? null
            : $"{name} has the type {tensor.DataType}, not one of 32 or 16 bits with a point";
    }
}
