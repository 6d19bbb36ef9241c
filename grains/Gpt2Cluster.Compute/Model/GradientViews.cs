using Gpt2Cluster.Compute.Memory;
using Gpt2Cluster.Core.Model;

namespace Gpt2Cluster.Compute.Model;

/// <summary>The gradients of one block; null for what is not trained.</summary>
internal sealed class BlockGradients(FlatViews views, int layer)
{
    /// <summary>The layer norm before attention.</summary>
    public NormViews? Norm1 { get; } = Norm(views, layer, ParameterRole.Norm1Gain, ParameterRole.Norm1Bias);

    /// <summary>Queries, keys and values.</summary>
    public LinearGradients Qkv { get; } = Linear(views, layer, ParameterRole.QkvWeight, ParameterRole.QkvBias);

    /// <summary>Attention's projection into the residual stream.</summary>
    public LinearGradients Out { get; } = Linear(views, layer, ParameterRole.OutWeight, ParameterRole.OutBias);

    /// <summary>The layer norm before the MLP.</summary>
    public NormViews? Norm2 { get; } = Norm(views, layer, ParameterRole.Norm2Gain, ParameterRole.Norm2Bias);

    /// <summary>The widening half of the MLP.</summary>
    public LinearGradients Up { get; } = Linear(views, layer, ParameterRole.UpWeight, ParameterRole.UpBias);

    /// <summary>The narrowing half of the MLP.</summary>
    public LinearGradients Down { get; } = Linear(views, layer, ParameterRole.DownWeight, ParameterRole.DownBias);

    /// <summary>Both gradients of a layer norm, or none.</summary>
    public static NormViews? Norm(FlatViews views, int layer, ParameterRole gain, ParameterRole bias) =>
        views.Find(new ParameterId(layer, gain)) is { } dgain && views.Find(new ParameterId(layer, bias)) is { } dbias
            ? new NormViews(dgain, dbias)
            : null;

    private static LinearGradients Linear(FlatViews views, int layer, ParameterRole weight, ParameterRole bias) => new(
        views.Find(new ParameterId(layer, weight)),
        views.Find(new ParameterId(layer, bias)),
        BlockParameters.Adapter(views.Find, layer, weight));
}

/// <summary>The gradient of all that is trained, inside one flat tensor.</summary>
internal sealed class GradientViews : IDisposable
{
    private readonly FlatViews views;

    /// <summary>Views a flat tensor of <see cref="VocabularyPadding.PaddedLength"/> elements.</summary>
    public GradientViews(FlatTensor flat, ParameterLayout layout)
    {
        views = new FlatViews(flat, layout.Slices);
        Blocks = [.. Enumerable.Range(0, layout.Shape.LayerCount).Select(layer => new BlockGradients(views, layer))];
        Norm = BlockGradients.Norm(views, -1, ParameterRole.FinalNormGain, ParameterRole.FinalNormBias);
        Positions = views.Find(new ParameterId(-1, ParameterRole.PositionEmbedding));
        Tokens = views.Find(new ParameterId(-1, ParameterRole.TokenEmbedding));
    }

    /// <summary>The blocks, first to last.</summary>
    public IReadOnlyList<BlockGradients> Blocks { get; }

    /// <summary>The last layer norm.</summary>
    public NormViews? Norm { get; }

    /// <summary>Position embedding: (context, C).</summary>
    public Matrix? Positions { get; }

    /// <summary>Token embedding and head, padded: (Vp, C).</summary>
    public Matrix? Tokens { get; }

    /// <summary>Any gradient of a block; null if none of it is trained.</summary>
    public Matrix? AnyOf(int layer) => views.AnyOf(layer);

    /// <inheritdoc/>
    public void Dispose() => views.Dispose();
}
