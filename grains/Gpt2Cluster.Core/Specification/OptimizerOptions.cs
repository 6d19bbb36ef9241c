namespace Gpt2Cluster.Core.Specification;

/// <summary>The optimizer.</summary>
public enum OptimizerKind
{
    /// <summary>Adam with decoupled weight decay (Loshchilov and Hutter 2019), as <c>torch.optim.AdamW</c>.</summary>
    AdamW,

    /// <summary>
    /// Plain stochastic gradient descent with decoupled weight decay, no momentum, as <c>torch.optim.SGD</c>.
    /// </summary>
    Sgd,
}

/// <summary>Which tensors a run updates.</summary>
public enum TrainableParameters
{
    /// <summary>Every tensor.</summary>
    All,

    /// <summary>The transformer blocks only: neither embeddings nor the last layer norm.</summary>
    TransformerLayers,

    /// <summary>Only low-rank additions to the linear layers (Hu et al. 2021): <see cref="LoraOptions"/>.</summary>
    Lora,
}

/// <summary>The optimizer's constants; the learning rate is given with each step.</summary>
/// <param name="Kind">The optimizer.</param>
/// <param name="Beta1">Decay of the first moment, 0 to 1.</param>
/// <param name="Beta2">Decay of the second moment, 0 to 1.</param>
/// <param name="Epsilon">Added to the root of the second moment; above 0.</param>
/// <param name="WeightDecay">Decoupled decay of tensors of two or more dimensions; 0 or more.</param>
/// <param name="ClipNorm">The global gradient norm is clipped to this; 0 turns clipping off.</param>
public sealed record OptimizerOptions(
    OptimizerKind Kind = OptimizerKind.AdamW,
    double Beta1 = 0.9,
    double Beta2 = 0.999,
    double Epsilon = 1e-8,
    double WeightDecay = 0.01,
    double ClipNorm = 1.0) : StoredRecord;
