using Gpt2Cluster.Data.Models.Safetensors;

namespace Gpt2Cluster.Data.Models.HuggingFace;

/// <summary>A folder with <c>config.json</c> and weights, as Hugging Face's transformers write and read it.</summary>
internal sealed class HuggingFaceFormat : IModelFormat
{
    /// <summary>The files that weights may be in, the first that is there counts, and what opens each.</summary>
    private static readonly (string FileName, Func<string, IModelWeights> Open)[] Weights =
    [
        (ModelFolder.WeightsFileName, SafetensorsFile.Open),
    ];

    /// <inheritdoc/>
    public string Name => "Hugging Face";

    /// <inheritdoc/>
    public bool IsAt(string path) => File.Exists(Path.Combine(path, ModelConfiguration.FileName));

    /// <inheritdoc/>
    public IModelReader Open(string path) => ModelFolder.Open(path);

    /// <summary>Opens the weights of a folder.</summary>
    /// <exception cref="Core.UserErrorException">There are none, or they are not sound.</exception>
    internal static IModelWeights OpenWeights(string folder)
    {
        foreach (var (fileName, open) in Weights)
        {
            if (File.Exists(Path.Combine(folder, fileName)))
                return open(Path.Combine(folder, fileName));
        }

        throw new Core.UserErrorException(
            $"There is no file {Path.Combine(folder, Weights[0].FileName)}; a model folder needs it.");
    }
}
