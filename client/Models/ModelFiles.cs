using Gpt2Cluster.Core.Provenance;
using Gpt2Cluster.Data.Models;
using Gpt2Cluster.Data.Uploads;

namespace Gpt2Cluster.Client.Models;

/// <summary>A model on its way to the cluster, as a <see cref="ModelUpload"/>.</summary>
/// <param name="model">The model; must stay open meanwhile.</param>
/// <param name="origin">Where it comes from.</param>
internal sealed class ModelFiles(IModelReader model, Origin origin)
{
    private readonly IReadOnlyList<ModelFile> files = [.. model.Files, StoredOrigin.AsFile(origin)];

    /// <summary>The own name of its folder.</summary>
    public string Name { get; } = Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(model.Path)));

    /// <summary>Bytes of all files.</summary>
    public long Bytes => files.Sum(file => file.Bytes);

    /// <summary>Writes the stream.</summary>
    public void Write(Stream output, IProgress<long> progress, CancellationToken cancellation) =>
        ModelUpload.Write(files, output, progress, cancellation);
}
