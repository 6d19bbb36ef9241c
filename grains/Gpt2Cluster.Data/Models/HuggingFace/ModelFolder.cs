using System.Text.RegularExpressions;
using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Data.Tokens;

namespace Gpt2Cluster.Data.Models.HuggingFace;

/// <summary>
/// A GPT-2 in Hugging Face's layout: <c>config.json</c>, <c>model.safetensors</c> and, if they are there,
/// <c>vocab.json</c> and <c>merges.txt</c>; so models lie in the store. Parameters are read as one flat buffer in the
/// order of <see cref="ParameterLayout"/>; the files keep products as <c>(in, out)</c>, and so does the layout. Reading
/// is safe from several threads.
/// </summary>
public sealed partial class ModelFolder : IModelReader
{
    /// <summary>Name of the file with the weights.</summary>
    public const string WeightsFileName = "model.safetensors";

    /// <summary>What Hugging Face puts before the names of a model with a head.</summary>
    public const string NamePrefix = "transformer.";

    /// <summary>The files of a model in the store: all that a folder may bring, others are left out.</summary>
    public static IReadOnlyList<string> FileNames { get; } =
        [ModelConfiguration.FileName, "vocab.json", "merges.txt", Core.Provenance.Origin.FileName, WeightsFileName];

    private const int MostNamesInMessage = 10;

    private readonly IModelWeights weights;
    private readonly string prefix;

    private ModelFolder(string path, ParameterLayout layout, IModelWeights weights, string prefix)
    {
        Path = path;
        Layout = layout;
        this.weights = weights;
        this.prefix = prefix;
    }

    /// <summary>Where it lies.</summary>
    public string Path { get; }

    /// <summary>The order of the parameters.</summary>
    public ParameterLayout Layout { get; }

    /// <summary>The model's shape.</summary>
    public ModelShape Shape => Layout.Shape;

    /// <inheritdoc/>
    public Exports.WeightType StoredType => Exports.WeightTypes.OfSafetensors(
        weights.Find(prefix + Layout.Slices[^1].Name)!.DataType) ?? Exports.WeightType.Float32;

    /// <summary>Opens a folder and checks that every tensor is there, in its shape.</summary>
    /// <exception cref="UserErrorException">A file or tensor is missing, misshapen or unknown; all tensors are named
    /// at once.</exception>
    public static ModelFolder Open(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        if (!Directory.Exists(path))
            throw new UserErrorException($"There is no model folder {path}; check the path.");
        var shape = ModelConfiguration.Read(System.IO.Path.Combine(path, ModelConfiguration.FileName));
        var weights = HuggingFaceFormat.OpenWeights(path);
        try
        {
            var layout = new ParameterLayout(shape);
            var prefix = weights.Find(NamePrefix + "wte.weight") is null ? "" : NamePrefix;
            Check(weights, layout, prefix);
            return new ModelFolder(path, layout, weights, prefix);
        }
        catch
        {
            weights.Dispose();
            throw;
        }
    }

    /// <summary>The vocabulary in the folder, or the built-in one when the folder has none.</summary>
    /// <exception cref="UserErrorException">The folder's files are not GPT-2's vocabulary.</exception>
    public Gpt2Vocabulary ReadVocabulary() =>
        Gpt2Vocabulary.IsIn(Path) ? Gpt2Vocabulary.FromFolder(Path) : Gpt2Vocabulary.BuiltIn;

    /// <summary>Reads parameters from the flat index <paramref name="start"/> on, as fp32.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The range leaves the model.</exception>
    public void ReadParameters(long start, Span<float> into)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(start, Layout.Length - into.Length);
        foreach (var slice in Layout.Slices.Where(slice => slice.End > start))
        {
            if (into.IsEmpty)
                return;
            var count = (int)Math.Min(into.Length, slice.End - start);
            weights.ReadRange(prefix + slice.Name, start - slice.Start, into[..count]);
            into = into[count..];
            start += count;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => weights.Dispose();

    private static void Check(IModelWeights weights, ParameterLayout layout, string prefix)
    {
        var faults = layout.Slices.Select(slice => Fault(slice, weights.Find(prefix + slice.Name)))
            .OfType<string>()
            .ToList();
        var known = layout.Slices.Select(slice => prefix + slice.Name).ToHashSet(StringComparer.Ordinal);
        faults.AddRange(weights.Tensors
            .Where(tensor => !known.Contains(tensor.Name) && !Ignored().IsMatch(tensor.Name))
            .Select(tensor => $"{tensor.Name} is unknown"));
        if (faults.Count == 0)
            return;
        var rest = faults.Count > MostNamesInMessage ? $"; and {faults.Count - MostNamesInMessage} more" : "";
        throw new UserErrorException($"{weights.Path} does not fit its {ModelConfiguration.FileName}: "
            + $"{string.Join("; ", faults.Take(MostNamesInMessage))}{rest}.");
    }

    private static string? Fault(ParameterSlice slice, WeightTensor? tensor)
    {
        if (tensor is null)
            return $"{slice.Name} is missing";
        if (!tensor.Dimensions.SequenceEqual(slice.Dimensions.Select(dimension => (long)dimension)))
            return $"{slice.Name} is {tensor.DimensionText}, not {string.Join(" x ", slice.Dimensions)}";
        return tensor.IsReadable
            ? null
            : $"{slice.Name} has the type {tensor.DataType}, not F32, F16 or BF16";
    }

    // Masks that old versions of transformers saved, and the head, which is wte again.
    [GeneratedRegex(@"\A(?:(?:transformer\.)?h\.[0-9]+\.attn\.(?:masked_)?bias|lm_head\.weight)\z")]
    private static partial Regex Ignored();
}
