namespace Gpt2Cluster.Core.Model;

/// <summary>The five numbers that fix a GPT-2 (Radford et al. 2019), as in OpenAI's <c>hparams.json</c>.</summary>
/// <param name="VocabularySize">Rows of the token embedding, V; at most 65,536 (tokens are stored as uint16).</param>
/// <param name="ContextLength">Rows of the position embedding.</param>
/// <param name="Width">Channels, C; a multiple of <paramref name="HeadCount"/>.</param>
/// <param name="HeadCount">Attention heads, H.</param>
/// <param name="LayerCount">Transformer blocks, L.</param>
public sealed record ModelShape(int VocabularySize, int ContextLength, int Width, int HeadCount, int LayerCount)
{
    /// <summary>Epsilon of every layer norm.</summary>
    public const float LayerNormEpsilon = 1e-5f;

    /// <summary>Channels of one head.</summary>
    public int HeadWidth => Width / HeadCount;

    /// <summary>What is wrong with the numbers, one sentence each; empty when the shape is sound.</summary>
    public IReadOnlyList<string> Errors()
    {
        var errors = new List<string>();
        if (VocabularySize is < 2 or > 65536)
            errors.Add($"the vocabulary size must be 2 to 65536, not {VocabularySize}");
        if (ContextLength < 1)
            errors.Add($"the context length must be 1 or more, not {ContextLength}");
        if (Width < 1 || HeadCount < 1 || Width % HeadCount != 0)
            errors.Add($"the width ({Width}) must be a positive multiple of the head count ({HeadCount})");
        if (LayerCount < 1)
            errors.Add($"the layer count must be 1 or more, not {LayerCount}");
        return errors;
    }
}
