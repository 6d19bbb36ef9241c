using Gpt2Cluster.Core;
using Gpt2Cluster.Data.Models.PyTorch;
using Gpt2Cluster.Data.Models.Safetensors;

namespace Gpt2Cluster.Data.Models.HuggingFace;

/// <summary>
/// A folder with <c>config.json</c> and weights, as Hugging Face's transformers write and read it; or one of the
/// hub's cache, <c>models--OWNER--NAME</c>, whose snapshots are such folders made of links.
/// </summary>
internal sealed class HuggingFaceFormat : IModelFormat
{
    private const string SnapshotsName = "snapshots";
    private const string TorchFileName = "pytorch_model.bin";

    /// <summary>The files that weights may be in, the first that is there counts, and what opens each.</summary>
    private static readonly (string FileName, Func<string, IModelWeights> Open)[] Weights =
    [
        (ModelFolder.WeightsFileName, SafetensorsFile.Open),
        (ModelFolder.WeightsFileName + ".index.json", path => ShardedWeights.Open(path, SafetensorsFile.Open)),
        (TorchFileName, TorchFile.Open),
        (TorchFileName + ".index.json", path => ShardedWeights.Open(path, TorchFile.Open)),
    ];

    /// <inheritdoc/>
    public string Name => "Hugging Face";

    /// <summary>The files that weights may be in.</summary>
    internal static IReadOnlyList<string> WeightsFileNames { get; } = [.. Weights.Select(one => one.FileName)];

    /// <inheritdoc/>
    public bool IsAt(string path) => File.Exists(Path.Combine(Snapshot(path), ModelConfiguration.FileName));

    /// <inheritdoc/>
    public IModelReader Open(string path) => ModelFolder.Open(Snapshot(path));

    /// <summary>Opens the weights of a folder.</summary>
    /// <exception cref="UserErrorException">There are none, or they are not sound.</exception>
    internal static IModelWeights OpenWeights(string folder)
    {
        foreach (var (fileName, open) in Weights)
        {
            var path = Path.Combine(folder, fileName);
            if (File.Exists(path))
                return open(path);
        }

        throw new UserErrorException($"There is no file {Path.Combine(folder, Weights[0].FileName)}; a model folder "
            + $"needs it, or one of {string.Join(", ", WeightsFileNames.Skip(1))}.");
    }

    /// <summary>The newest snapshot of a folder of the hub's cache; any other folder is itself.</summary>
    private static string Snapshot(string path)
    {
        var main = Path.Combine(path, "refs", "main");
        if (File.Exists(Path.Combine(path, ModelConfiguration.FileName)) || !File.Exists(main)
            || new FileInfo(main).Length > 100)
            return path;
        var name = File.ReadAllText(main).Trim();
        return name.All(char.IsAsciiLetterOrDigit) && Directory.Exists(Path.Combine(path, SnapshotsName, name))
            ? Path.Combine(path, SnapshotsName, name)
            : path;
    }
}
