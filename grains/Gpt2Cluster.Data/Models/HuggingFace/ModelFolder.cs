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
    [
        ModelConfiguration.FileName, "vocab.json", "merges.txt", Core.Provenance.Origin.FileName,
        Peft.PeftAdapter.ConfigurationFileName, Peft.PeftAdapter.WeightsFileName, WeightsFileName,
    ];

    private const string TokenEmbedding = "wte.weight";

    // The head, which is the token embedding again: whatever it holds, transformers replaces it by that.
    private const string Head = "lm_head.weight";

    /// <summary>Those of them that make up a vocabulary.</summary>
    public static IReadOnlyList<string> VocabularyFileNames { get; } = ["vocab.json", "merges.txt"];

    private readonly NamedParameters parameters;

    private readonly bool isAsConfigured;
    private readonly Lazy<FolderVocabulary> vocabulary;

    private ModelFolder(string path, NamedParameters parameters, bool isAsConfigured)
    {
        Path = path;
        this.parameters = parameters;
        this.isAsConfigured = isAsConfigured;
        vocabulary = new Lazy<FolderVocabulary>(() => FolderVocabulary.Read(path));
    }

    /// <summary>Where it lies.</summary>
    public string Path { get; }

    /// <summary>The order of the parameters.</summary>
    public ParameterLayout Layout => parameters.Layout;

    /// <summary>The model's shape.</summary>
    public ModelShape Shape => Layout.Shape;

    /// <inheritdoc/>
    public Exports.WeightType StoredType => Exports.WeightTypes.OfSafetensors(
        parameters.DataTypeOf(Layout.Slices[^1])) ?? Exports.WeightType.Float32;

    /// <summary>Opens a folder and checks that every tensor is there, in its shape.</summary>
    /// <exception cref="UserErrorException">A file or tensor is missing, misshapen or unknown; all tensors are named
    /// at once.</exception>
    public static ModelFolder Open(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        if (!Directory.Exists(path))
            throw new UserErrorException($"There is no model folder {path}; check the path.");
        var configuration = System.IO.Path.Combine(path, ModelConfiguration.FileName);
        var configured = ModelConfiguration.Read(configuration);
        var weights = HuggingFaceFormat.OpenWeights(path);
        try
        {
            var prefix = weights.Find(NamePrefix + "wpe.weight") is null ? "" : NamePrefix;
            var tokens = weights.Find(prefix + TokenEmbedding) is null && weights.Find(Head) is not null
                ? Head
                : prefix + TokenEmbedding;
            var shape = WithRowsOf(weights.Find(tokens), configured, configuration);
            var parameters = new NamedParameters(
                new ParameterLayout(shape),
                weights,
                slice => slice.Name == TokenEmbedding ? tokens : prefix + slice.Name,
                Ignored().IsMatch,
                $"its {ModelConfiguration.FileName}");
            return new ModelFolder(path, parameters, shape == configured);
        }
        catch
        {
            weights.Dispose();
            throw;
        }
    }

    /// <summary>Whether its files are those that it has in the store.</summary>
    internal bool IsAsStored => File.Exists(System.IO.Path.Combine(Path, WeightsFileName))
        && FileNames.Where(name => name != Core.Provenance.Origin.FileName).All(CanStay);

    /// <inheritdoc/>
    public IReadOnlyList<ModelFile> Files
    {
        get
        {
            var own = ModelFile.InFolder(Path);
            return [.. ModelFile.Of(this).Select(file => CanStay(file.Name)
                ? own.FirstOrDefault(one => one.Name == file.Name) ?? file
                : file)];
        }
    }

    /// <inheritdoc/>
    public Stream? OpenVocabulary(string fileName) => vocabulary.Value switch
    {
        { IsBrought: false } => null,
        { IsAsStored: true } => ElementFile.OpenStream(System.IO.Path.Combine(Path, fileName)),
        var brought => brought.Vocabulary.OpenFile(fileName),
    };

    /// <summary>The vocabulary in the folder, or the built-in one when the folder has none.</summary>
    /// <exception cref="UserErrorException">The folder's files are no vocabulary of GPT-2's kind.</exception>
    public Gpt2Vocabulary ReadVocabulary() => vocabulary.Value.Vocabulary;

    /// <summary>
    /// The vocabulary of a folder, whose weights need not be there: only its configuration is, where it brings one.
    /// </summary>
    /// <exception cref="UserErrorException">The folder's files are no vocabulary of GPT-2's kind.</exception>
    public static Gpt2Vocabulary ReadVocabulary(string folder) => FolderVocabulary.Read(folder).Vocabulary;

    /// <summary>Reads parameters from the flat index <paramref name="start"/> on, as fp32.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The range leaves the model.</exception>
    public void ReadParameters(long start, Span<float> into) => parameters.Read(start, into);

    /// <inheritdoc/>
    public void Dispose() => parameters.Dispose();

    /// <summary>
    /// The shape with as many tokens as the embedding has rows: people pad it or add tokens, and not every
    /// configuration says so.
    /// </summary>
    private static ModelShape WithRowsOf(WeightTensor? tokens, ModelShape configured, string configuration)
    {
        if (tokens is not { Dimensions: { Count: 2 } rows } || rows[1] != configured.Width)
            return configured;
        var shape = configured with { VocabularySize = (int)Math.Min(rows[0], int.MaxValue) };
        return shape.Errors() is { Count: > 0 } errors
            ? throw new UserErrorException($"{tokens.Name} beside {configuration} cannot be used: "
                + $"{string.Join("; ", errors)}.")
            : shape;
    }

    /// <summary>Whether a file is in the store what it is here.</summary>
    private bool CanStay(string fileName) => fileName switch
    {
        ModelConfiguration.FileName => isAsConfigured && vocabulary.Value.IsConfigured,
        WeightsFileName => true,
        _ => vocabulary.Value.IsAsStored,
    };

    // Masks that old versions of transformers saved, and the head.
    [GeneratedRegex(@"\A(?:(?:transformer\.)?h\.[0-9]+\.attn\.(?:masked_)?bias|lm_head\.weight)\z")]
    private static partial Regex Ignored();
}
