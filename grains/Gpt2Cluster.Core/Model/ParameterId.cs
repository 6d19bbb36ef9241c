namespace Gpt2Cluster.Core.Model;

/// <summary>What a parameter does in GPT-2.</summary>
public enum ParameterRole
{
    /// <summary>Gain of the layer norm before attention: (C).</summary>
    Norm1Gain,

    /// <summary>Bias of the layer norm before attention: (C).</summary>
    Norm1Bias,

    /// <summary>Attention's queries, keys and values: (C, 3C).</summary>
    QkvWeight,

    /// <summary>Their bias: (3C).</summary>
    QkvBias,

    /// <summary>Attention's projection into the residual stream: (C, C).</summary>
    OutWeight,

    /// <summary>Its bias: (C).</summary>
    OutBias,

    /// <summary>Gain of the layer norm before the MLP: (C).</summary>
    Norm2Gain,

    /// <summary>Bias of the layer norm before the MLP: (C).</summary>
    Norm2Bias,

    /// <summary>The MLP's first product: (C, 4C).</summary>
    UpWeight,

    /// <summary>Its bias: (4C).</summary>
    UpBias,

    /// <summary>The MLP's projection into the residual stream: (4C, C).</summary>
    DownWeight,

    /// <summary>Its bias: (C).</summary>
    DownBias,

    /// <summary>Gain of the last layer norm: (C).</summary>
    FinalNormGain,

    /// <summary>Bias of the last layer norm: (C).</summary>
    FinalNormBias,

    /// <summary>Position embedding: (context, C).</summary>
    PositionEmbedding,

    /// <summary>Token embedding, which is also the head: (V, C).</summary>
    TokenEmbedding,
}

/// <summary>The model's own tensor, or a factor of the low-rank addition to it (Hu et al. 2021).</summary>
public enum AdapterFactor
{
    /// <summary>The tensor itself.</summary>
    None,

    /// <summary>A: (R, inputs).</summary>
    A,

    /// <summary>B: (outputs, R).</summary>
    B,
}

/// <summary>Which parameter of a model.</summary>
/// <param name="Layer">The block, from 0; -1 outside the blocks.</param>
/// <param name="Role">What it does.</param>
/// <param name="Factor">The tensor itself, or a factor of the addition to it.</param>
public readonly record struct ParameterId(int Layer, ParameterRole Role, AdapterFactor Factor = AdapterFactor.None);
