using Gpt2Cluster.Data.Models.HuggingFace;
using Gpt2Cluster.Data.Uploads;

namespace Gpt2Cluster.Client.Models;

/// <summary>A model folder on its way to the cluster, as a <see cref="ModelUpload"/>.</summary>
/// <param name="path">The folder.</param>
internal sealed class ModelFiles(string path)
{
    /// <summary>The folder's own name.</summary>
    public string Name { get; } = Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(path)));

    /// <summary>Bytes of all files.</summary>
    public long Bytes => ModelFolder.FileNames
        .Select(name => new FileInfo(Path.Combine(path, name)))
        .Where(file => file.Exists)
        .Sum(file => file.Length);

    /// <summary>Writes the stream.</summary>
    public void Write(Stream output, IProgress<long> progress, CancellationToken cancellation) =>
        ModelUpload.Write(path, output, progress, cancellation);
}
