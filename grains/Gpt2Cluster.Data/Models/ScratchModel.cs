using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Data.Tokens;

namespace Gpt2Cluster.Data.Models;

/// <summary>A model of fresh weights, drawn from a seed as they are asked for.</summary>
/// <param name="shape">Its shape.</param>
/// <param name="seed">The seed.</param>
public sealed class ScratchModel(ModelShape shape, ulong seed) : IModelReader
{
    /// <inheritdoc/>
    public string Path => "";

    /// <inheritdoc/>
    public ParameterLayout Layout { get; } = new(shape);

    /// <inheritdoc/>
    public Stream? OpenVocabulary(string fileName) => null;

    /// <inheritdoc/>
    public Gpt2Vocabulary ReadVocabulary() => Gpt2Vocabulary.BuiltIn;

    /// <inheritdoc/>
    public void ReadParameters(long start, Span<float> into) =>
        WeightInitialization.Fill(Layout, seed, start, into);

    /// <inheritdoc/>
    public void Dispose()
    {
    }
}
