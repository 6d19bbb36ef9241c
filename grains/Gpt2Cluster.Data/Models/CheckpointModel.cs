using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Checkpoints;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Data.Models.HuggingFace;
using Gpt2Cluster.Data.Models.Safetensors;
using Gpt2Cluster.Data.Tokens;

namespace Gpt2Cluster.Data.Models;

/// <summary>
/// The whole model as it stood at a run's checkpoint: what the run trained from there, the rest from what the run began
/// with, adapters merged into it (<see cref="AdapterMerge"/>) as generation does.
/// </summary>
public sealed class CheckpointModel : IModelReader
{
    /// <summary>The file of a checkpoint that holds the parameters.</summary>
    public const string ParametersFileName = "parameters.safetensors";

    private readonly SafetensorsFile trained;
    private readonly IModelReader? frozen;
    private readonly Gpt2Vocabulary vocabulary;
    private readonly ParameterLayout held;
    private readonly AdapterFactors factors;

    private CheckpointModel(
        string path,
        CheckpointManifest manifest,
        SafetensorsFile trained,
        IModelReader? frozen,
        Gpt2Vocabulary vocabulary)
    {
        (Path, Manifest, this.trained, this.frozen) = (path, manifest, trained, frozen);
        this.vocabulary = vocabulary;
        Parameters = manifest.Record.Specification.Parameters();
        held = manifest.Layout();
        factors = new AdapterFactors(Parameters.Lora?.Scale ?? 0);
    }

    /// <inheritdoc/>
    public string Path { get; }

    /// <summary>What the checkpoint says of itself.</summary>
    public CheckpointManifest Manifest { get; }

    /// <summary>The model's parameters, and which the run trained.</summary>
    public ModelParameters Parameters { get; }

    /// <inheritdoc/>
    public ParameterLayout Layout => Parameters.Base;

    /// <summary>Reads what a checkpoint says of itself.</summary>
    /// <exception cref="UserErrorException">The file is missing or damaged.</exception>
    public static CheckpointManifest ReadManifest(string folder)
    {
        var path = System.IO.Path.Combine(folder, CheckpointManifest.FileName);
        try
        {
            return CheckpointManifest.Read(File.ReadAllText(path));
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            throw new UserErrorException($"{path} cannot be used: {problem.Message.TrimEnd('.')}.", problem);
        }
    }

    /// <summary>Opens a checkpoint whose files were verified.</summary>
    /// <param name="folder">Its folder.</param>
    /// <param name="frozen">
    /// The model that the run began with, which is disposed of with this one; null where the checkpoint holds all
    /// parameters (<see cref="CheckpointManifest.FrozenHash"/> is null).
    /// </param>
    /// <param name="vocabulary">The one that the run was begun with.</param>
    /// <exception cref="UserErrorException">A file is missing or damaged, or the model has another shape.</exception>
    public static CheckpointModel Open(string folder, IModelReader? frozen, Gpt2Vocabulary vocabulary)
    {
        var manifest = ReadManifest(folder);
        if ((manifest.FrozenHash is null) != (frozen is null))
            throw new ArgumentException("A checkpoint needs what its run began with if it froze some.", nameof(frozen));
        if (frozen is not null && frozen.Shape != manifest.Record.Specification.Model.Shape)
            throw new UserErrorException($"{frozen.Path} has another shape than the run that began with it.");
        var file = SafetensorsFile.Open(System.IO.Path.Combine(folder, ParametersFileName));
        try
        {
            var model = new CheckpointModel(folder, manifest, file, frozen, vocabulary);
            model.CheckTensors();
            model.ReadFactors();
            return model;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public Stream? OpenVocabulary(string fileName) => vocabulary.OpenFile(fileName);

    /// <summary>The model's vocabulary is that of what the run began with.</summary>
    public Gpt2Vocabulary ReadVocabulary() => vocabulary;

    /// <inheritdoc/>
    public void ReadParameters(long start, Span<float> into)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(start, Layout.Length - into.Length);
        foreach (var (slice, offset, first, count) in Layout.Parts(start, into.Length))
        {
            var id = slice.Parameter.Id;
            var part = into.Slice(first, count);
            if (held.Find(id) is not null)
            {
                trained.ReadRange(ModelFolder.NamePrefix + slice.Name, offset, part);
                continue;
            }

            frozen!.ReadParameters(start + first, part);
            factors.AddTo(slice, offset, part);
        }
    }

    /// <summary>Reads what the run trained, from a flat index of <see cref="ModelParameters.Trained"/> on.</summary>
    public void ReadTrained(long start, Span<float> into)
    {
        foreach (var (slice, offset, first, count) in Parameters.Trained.Parts(start, into.Length))
            trained.ReadRange(ModelFolder.NamePrefix + slice.Name, offset, into.Slice(first, count));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        trained.Dispose();
        frozen?.Dispose();
    }

    private void CheckTensors()
    {
        foreach (var slice in held.Slices)
        {
            if (trained.Find(ModelFolder.NamePrefix + slice.Name) is not { IsReadable: true } tensor
                || tensor.Length != slice.Length)
                throw new UserErrorException($"{trained.Path} does not hold {slice.Name} in its shape.");
        }
    }

    private void ReadFactors()
    {
        foreach (var slice in held.Slices.Where(slice => slice.Parameter.Id.Factor != AdapterFactor.None))
        {
            var factor = new float[slice.Length];
            trained.ReadRange(ModelFolder.NamePrefix + slice.Name, 0, factor);
            factors.Add(slice.Parameter.Id, factor);
        }
    }
}
