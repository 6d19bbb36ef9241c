using System.Text.RegularExpressions;
using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Specification;
using Gpt2Cluster.Data.Models.HuggingFace;
using Gpt2Cluster.Data.Storage;
using Gpt2Cluster.Data.Tokens;

namespace Gpt2Cluster.Data.Models;

/// <summary>A model in the store.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Path">Its folder.</param>
/// <param name="Shape">Its shape, or null when its configuration cannot be read.</param>
/// <param name="WeightsBytes">Size of its weights.</param>
public sealed record StoredModel(string Name, string Path, ModelShape? Shape, long WeightsBytes);

/// <summary>The folder <c>models/</c> of the data folder: one model folder a name.</summary>
/// <param name="root">The folder; made when it is needed.</param>
public sealed partial class ModelDirectory(string root)
{
    /// <summary>Where it lies.</summary>
    public string Root { get; } = System.IO.Path.GetFullPath(root);

    /// <summary>The models, by name.</summary>
    public IReadOnlyList<StoredModel> List()
    {
        if (!Directory.Exists(Root))
            return [];
        return [.. Directory.EnumerateDirectories(Root)
            .Where(path => ModelName().IsMatch(System.IO.Path.GetFileName(path)))
            .Order(StringComparer.Ordinal)
            .Select(Describe)];
    }

    /// <summary>
    /// The folder a model of that name has, whether it is there or not; an alias gives the name it stands for.
    /// </summary>
    /// <exception cref="UserErrorException">The name cannot be one.</exception>
    public string PathOf(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        var real = Presets.Canonical(name);
        return ModelName().IsMatch(real)
            ? System.IO.Path.Combine(Root, real)
            : throw new UserErrorException($"\"{name}\" is no model name; use letters, digits, '.', '_' and '-', "
                + "at most 64, beginning with a letter or digit.");
    }

    /// <summary>
    /// The folder of a model by name, alias or path: the store is searched first. Null when there is none.
    /// </summary>
    public string? Find(string nameOrPath)
    {
        ArgumentException.ThrowIfNullOrEmpty(nameOrPath);
        if (Presets.FindPublished(nameOrPath) is not null || ModelName().IsMatch(nameOrPath))
        {
            var stored = PathOf(nameOrPath);
            if (Directory.Exists(stored))
                return stored;
        }

        return Directory.Exists(nameOrPath) ? System.IO.Path.GetFullPath(nameOrPath) : null;
    }

    /// <summary>
    /// Brings a model of any format into the store after checking all of it. The source stays as it is.
    /// </summary>
    /// <param name="path">The folder.</param>
    /// <param name="name">Its name in the store; null for the folder's own name.</param>
    /// <param name="claim">What is said of where it comes from.</param>
    /// <param name="progress">Told the bytes of weights copied.</param>
    /// <param name="cancellation">Stops between pieces; nothing is left behind.</param>
    /// <returns>The model in the store.</returns>
    /// <exception cref="UserErrorException">The folder is no sound model, or the name is taken or wrong.</exception>
    public StoredModel Import(
        string path,
        string? name = null,
        OriginClaim? claim = null,
        IProgress<long>? progress = null,
        CancellationToken cancellation = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        var full = System.IO.Path.TrimEndingDirectorySeparator(System.IO.Path.GetFullPath(path));
        using var model = ModelFormats.Open(full);
        var stored = System.IO.Path.GetFileName(PathOf(name ?? System.IO.Path.GetFileName(full)));
        var origin = StoredOrigin.OfBrought(model, stored, claim ?? new OriginClaim());
        return Import(model, stored, origin, progress, cancellation);
    }

    /// <summary>Brings a model that is open into the store.</summary>
    /// <param name="model">The model.</param>
    /// <param name="name">Its name in the store.</param>
    /// <param name="origin">Where it comes from.</param>
    /// <param name="progress">Told the bytes of weights copied.</param>
    /// <param name="cancellation">Stops between pieces; nothing is left behind.</param>
    /// <returns>The model in the store.</returns>
    /// <exception cref="UserErrorException">Its vocabulary cannot be used, or the name is taken or wrong.</exception>
    public StoredModel Import(
        IModelReader model,
        string name,
        Core.Provenance.Origin origin,
        IProgress<long>? progress = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        VocabularyProbe.CheckBrought(model.ReadVocabulary(), model.Shape.VocabularySize, model.Path);
        var target = PathOf(name);
        if (Directory.Exists(target))
            throw new UserErrorException(
                $"There is a model {System.IO.Path.GetFileName(target)} already; give another --name.");
        Directory.CreateDirectory(Root);
        using var staged = new StagedFolder(target);
        foreach (var file in model.Files.Append(StoredOrigin.AsFile(origin)))
            Copy(file, staged.File(file.Name), progress, cancellation);
        // What was copied is what counts: the source may have changed meanwhile.
        using (ModelFolder.Open(staged.Path))
            StoredOrigin.Seal(staged.Path);
        staged.Publish();
        return Describe(target);
    }

    private static StoredModel Describe(string path)
    {
        var weights = new FileInfo(System.IO.Path.Combine(path, ModelFolder.WeightsFileName));
        ModelShape? shape = null;
        try
        {
            shape = ModelConfiguration.Read(System.IO.Path.Combine(path, ModelConfiguration.FileName));
        }
        catch (UserErrorException)
        {
            // A list shows a damaged model too; opening it says what is wrong.
        }

        return new StoredModel(System.IO.Path.GetFileName(path), path, shape, weights.Exists ? weights.Length : 0);
    }

    private static void Copy(ModelFile from, string to, IProgress<long>? progress, CancellationToken cancellation)
    {
        const int PieceBytes = 1 << 20;
        using var input = from.Open();
        using var output = new FileStream(to, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 0);
        var buffer = new byte[PieceBytes];
        while (input.Read(buffer) is > 0 and var count)
        {
            cancellation.ThrowIfCancellationRequested();
            output.Write(buffer, 0, count);
            progress?.Report(output.Position);
        }
    }

    [GeneratedRegex(@"\A[A-Za-z0-9][A-Za-z0-9._-]{0,63}\z")]
    private static partial Regex ModelName();
}
