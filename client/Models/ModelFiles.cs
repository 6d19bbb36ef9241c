using Gpt2Cluster.Data.Models;
using Gpt2Cluster.Data.Uploads;

namespace Gpt2Cluster.Client.Models;

/// <summary>A model on its way to the cluster, as a <see cref="ModelUpload"/>.</summary>
/// <param name="model">The model; must stay open meanwhile.</param>
internal sealed class ModelFiles(IModelReader model)
{
    /// <summary>The own name of its folder.</summary>
    public string Name { get; } = Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(model.Path)));

    /// <summary>Bytes of all files.</summary>
    public long Bytes => model.Files.Sum(file => file.Bytes);

    /// <summary>Writes the stream.</summary>
    public void Write(Stream output, IProgress<long> progress, CancellationToken cancellation) =>
        ModelUpload.Write(model.Files, output, progress, cancellation);
}
