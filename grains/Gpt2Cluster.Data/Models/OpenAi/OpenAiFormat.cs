using Gpt2Cluster.Data.Models.TensorBundle;

namespace Gpt2Cluster.Data.Models.OpenAi;

/// <summary>
/// A folder as OpenAI published GPT-2 in: a TensorFlow checkpoint, <c>hparams.json</c>, <c>encoder.json</c> and
/// <c>vocab.bpe</c>; or one that a program built on OpenAI's code saved its training in, which may have the checkpoint
/// only.
/// </summary>
internal sealed class OpenAiFormat : IModelFormat
{
    /// <inheritdoc/>
    public string Name => "OpenAI's TensorFlow checkpoint";

    /// <inheritdoc/>
    public bool IsAt(string path) => File.Exists(Path.Combine(path, OpenAiFolder.ShapeFileName))
        || (Directory.Exists(path) && Directory.EnumerateFiles(path, "*" + BundleWeights.IndexSuffix).Any());

    /// <inheritdoc/>
    public IModelReader Open(string path) => OpenAiFolder.Open(path);
}
