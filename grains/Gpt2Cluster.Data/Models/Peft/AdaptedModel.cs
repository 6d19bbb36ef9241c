using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Data.Tokens;

namespace Gpt2Cluster.Data.Models.Peft;

/// <summary>
/// A model with PEFT's adapters merged into its weights (<see cref="AdapterMerge"/>), as a model of the store: the
/// files of any other, and the adapters' own beside them, so that they can leave as they came.
/// </summary>
public sealed class AdaptedModel : IModelReader
{
    private readonly IModelReader baseModel;
    private readonly AdapterFactors factors;

    /// <summary>Reads the adapters and takes the model over.</summary>
    /// <param name="folder">The adapters' folder.</param>
    /// <param name="baseModel">What they are added to; disposed with this.</param>
    /// <exception cref="Core.UserErrorException">The adapters are not sound, or belong to another model.</exception>
    public AdaptedModel(string folder, IModelReader baseModel)
    {
        ArgumentNullException.ThrowIfNull(baseModel);
        Path = folder;
        this.baseModel = baseModel;
        factors = AdapterFactors.Of(PeftAdapter.Read(folder, baseModel.Shape));
    }

    /// <summary>The adapters' folder.</summary>
    public string Path { get; }

    /// <inheritdoc/>
    public ParameterLayout Layout => baseModel.Layout;

    /// <inheritdoc/>
    public IReadOnlyList<ModelFile> Files
    {
        get
        {
            var sources = ModelFile.SourcesOf(this).Concat(ModelFile.SourcesOf(baseModel)).ToArray();
            return
            [
                .. ModelFile.Of(this).Select(file => file with { Sources = sources }),
                .. new[] { PeftAdapter.ConfigurationFileName, PeftAdapter.WeightsFileName }.Select(name =>
                    new ModelFile(name, () => ElementFile.OpenStream(System.IO.Path.Combine(Path, name)))
                    {
                        Sources = [System.IO.Path.Combine(Path, name)],
                    }),
            ];
        }
    }

    /// <inheritdoc/>
    public Stream? OpenVocabulary(string fileName) => baseModel.OpenVocabulary(fileName);

    /// <summary>The base model's vocabulary.</summary>
    public Gpt2Vocabulary ReadVocabulary() => baseModel.ReadVocabulary();

    /// <inheritdoc/>
    public void ReadParameters(long start, Span<float> into)
    {
        baseModel.ReadParameters(start, into);
        foreach (var (slice, offset, first, count) in Layout.Parts(start, into.Length))
            factors.AddTo(slice, offset, into.Slice(first, count));
    }

    /// <inheritdoc/>
    public void Dispose() => baseModel.Dispose();
}
