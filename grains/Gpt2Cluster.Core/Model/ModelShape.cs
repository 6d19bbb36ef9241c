using Orleans;

namespace Gpt2Cluster.Core.Model;

/// <summary>The five numbers that fix a GPT-2 (Radford et al. 2019), as in OpenAI's <c>hparams.json</c>.</summary>
/// <param name="VocabularySize">Rows of the token embedding, V; at most 65,536 (tokens are stored as uint16).</param>
/// <param name="ContextLength">Rows of the position embedding.</param>
/// <param name="Width">Channels, C; a multiple of <paramref name="HeadCount"/>.</param>
/// <param name="HeadCount">Attention heads, H.</param>
/// <param name="LayerCount">Transformer blocks, L.</param>
[GenerateSerializer, Immutable, Alias("gpt2.model-shape.v1")]
public sealed record ModelShape(int VocabularySize, int ContextLength, int Width, int HeadCount, int LayerCount)
    : StoredRecord
{
    /// <summary>Epsilon of every layer norm.</summary>
    public const float LayerNormEpsilon = 1e-5f;

    /// <summary>Positions at most, a thousand times GPT-2's.</summary>
    public const int MaxContextLength = 1 << 20;

    /// <summary>Channels at most, forty times the largest GPT-2's.</summary>
    public const int MaxWidth = 1 << 16;

    /// <summary>Blocks at most, twenty times the largest GPT-2's: a list of all tensors is made of a shape.</summary>
    public const int MaxLayerCount = 1024;

    /// <summary>Channels of one head.</summary>
    public int HeadWidth => Width / HeadCount;

    /// <summary>What is wrong with the numbers, one sentence each; empty when the shape is sound.</summary>
    public IReadOnlyList<string> Errors()
    {
        var errors = new List<string>();
        if (VocabularySize is < 2 or > 65536)
            errors.Add($"the vocabulary size must be 2 to 65536, not {VocabularySize}");
        if (ContextLength is < 1 or > MaxContextLength)
            errors.Add($"the context length must be 1 to {MaxContextLength}, not {ContextLength}");
        if (Width < 1 || HeadCount < 1 || Width % HeadCount != 0)
            errors.Add($"the width ({Width}) must be a positive multiple of the head count ({HeadCount})");
        if (Width > MaxWidth)
            errors.Add($"the width must be {MaxWidth} or less, not {Width}");
        if (LayerCount is < 1 or > MaxLayerCount)
            errors.Add($"the layer count must be 1 to {MaxLayerCount}, not {LayerCount}");
        return errors;
    }
}
