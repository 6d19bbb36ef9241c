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
        [ModelConfiguration.FileName, "vocab.json", "merges.txt", WeightsFileName];

    /// <summary>Those of them that make up a vocabulary.</summary>
    public static IReadOnlyList<string> VocabularyFileNames { get; } = ["vocab.json", "merges.txt"];

    private readonly NamedParameters parameters;

    private ModelFolder(string path, NamedParameters parameters)
    {
        Path = path;
        this.parameters = parameters;
    }

    /// <summary>Where it lies.</summary>
    public string Path { get; }

    /// <summary>The order of the parameters.</summary>
    public ParameterLayout Layout => parameters.Layout;

    /// <summary>The model's shape.</summary>
    public ModelShape Shape => Layout.Shape;

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
        var prefix = weights.Find(NamePrefix + "wte.weight") is null ? "" : NamePrefix;
        return new ModelFolder(path, new NamedParameters(
            new ParameterLayout(shape),
            weights,
            slice => prefix + slice.Name,
            Ignored().IsMatch,
            $"its {ModelConfiguration.FileName}"));
    }

    /// <inheritdoc/>
    public IReadOnlyList<ModelFile> Files => ModelFile.InFolder(Path);

    /// <inheritdoc/>
    public Stream? OpenVocabulary(string fileName) =>
        Gpt2Vocabulary.IsIn(Path) ? File.OpenRead(System.IO.Path.Combine(Path, fileName)) : null;

    /// <summary>The vocabulary in the folder, or the built-in one when the folder has none.</summary>
    /// <exception cref="UserErrorException">The folder's files are not GPT-2's vocabulary.</exception>
    public Gpt2Vocabulary ReadVocabulary() =>
        Gpt2Vocabulary.IsIn(Path) ? Gpt2Vocabulary.FromFolder(Path) : Gpt2Vocabulary.BuiltIn;

    /// <summary>Reads parameters from the flat index <paramref name="start"/> on, as fp32.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The range leaves the model.</exception>
    public void ReadParameters(long start, Span<float> into) => parameters.Read(start, into);

    /// <inheritdoc/>
    public void Dispose() => parameters.Dispose();

    // Masks that old versions of transformers saved, and the head, which is wte again.
    [GeneratedRegex(@"\A(?:(?:transformer\.)?h\.[0-9]+\.attn\.(?:masked_)?bias|lm_head\.weight)\z")]
    private static partial Regex Ignored();
}
