using Gpt2Cluster.Compute.Memory;
using Gpt2Cluster.Core.Model;

namespace Gpt2Cluster.Compute.Model;

/// <summary>The parameters of one block.</summary>
internal sealed class BlockParameters(Func<ParameterId, Matrix?> find, int layer)
{
    /// <summary>The layer norm before attention.</summary>
    public NormViews Norm1 { get; } = new(
        Need(find, layer, ParameterRole.Norm1Gain), Need(find, layer, ParameterRole.Norm1Bias));

    /// <summary>Queries, keys and values: (C, 3C).</summary>
    public LinearParameters Qkv { get; } = Linear(find, layer, ParameterRole.QkvWeight, ParameterRole.QkvBias);

    /// <summary>Attention's projection into the residual stream: (C, C).</summary>
    public LinearParameters Out { get; } = Linear(find, layer, ParameterRole.OutWeight, ParameterRole.OutBias);

    /// <summary>The layer norm before the MLP.</summary>
    public NormViews Norm2 { get; } = new(
        Need(find, layer, ParameterRole.Norm2Gain), Need(find, layer, ParameterRole.Norm2Bias));

    /// <summary>The widening half of the MLP: (C, 4C).</summary>
    public LinearParameters Up { get; } = Linear(find, layer, ParameterRole.UpWeight, ParameterRole.UpBias);

    /// <summary>The narrowing half of the MLP: (4C, C).</summary>
    public LinearParameters Down { get; } = Linear(find, layer, ParameterRole.DownWeight, ParameterRole.DownBias);

    /// <summary>The addition to a weight; null where there is none.</summary>
    public static AdapterViews? Adapter(Func<ParameterId, Matrix?> find, int layer, ParameterRole weight) =>
        find(new ParameterId(layer, weight, AdapterFactor.A)) is { } a
        && find(new ParameterId(layer, weight, AdapterFactor.B)) is { } b
            ? new AdapterViews(a, b)
            : null;

    private static LinearParameters Linear(
        Func<ParameterId, Matrix?> find, int layer, ParameterRole weight, ParameterRole bias) =>
        new(Need(find, layer, weight), Need(find, layer, bias), Adapter(find, layer, weight));

    private static Matrix Need(Func<ParameterId, Matrix?> find, int layer, ParameterRole role) =>
        find(new ParameterId(layer, role))
        ?? throw new InvalidOperationException($"The model has no {role} in layer {layer}.");
}

/// <summary>The parameters outside the blocks: last layer norm and both embeddings, the head included.</summary>
internal sealed class OuterParameters(Func<ParameterId, Matrix?> find)
{
    /// <summary>The last layer norm.</summary>
    public NormViews Norm { get; } = new(
        Need(find, ParameterRole.FinalNormGain), Need(find, ParameterRole.FinalNormBias));

    /// <summary>Position embedding: (context, C).</summary>
    public Matrix Positions { get; } = Need(find, ParameterRole.PositionEmbedding);

    /// <summary>Token embedding and head, padded: (Vp, C).</summary>
    public Matrix Tokens { get; } = Need(find, ParameterRole.TokenEmbedding);

    private static Matrix Need(Func<ParameterId, Matrix?> find, ParameterRole role) =>
        find(new ParameterId(-1, role)) ?? throw new InvalidOperationException($"The model has no {role}.");
}
