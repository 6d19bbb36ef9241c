namespace Gpt2Cluster.Core.Specification;

/// <summary>What the products are computed in; parameters, moments and sums are fp32 in either case.</summary>
public enum Precision
{
    /// <summary>IEEE 754 binary32 throughout.</summary>
    Float32,

    /// <summary>bf16 parameters, activations and gradients, with fp32 masters.</summary>
    BFloat16,
}
