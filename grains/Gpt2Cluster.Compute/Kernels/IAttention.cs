using Gpt2Cluster.Compute.Memory;

namespace Gpt2Cluster.Compute.Kernels;

/// <summary>
/// Causal self-attention of all heads (Vaswani et al. 2017) in one block; lives from the forward to the backward pass.
/// </summary>
internal interface IAttention : IDisposable
{
    /// <summary>What the heads found, side by side: (N, C).</summary>
    Matrix Result { get; }

    /// <summary>Writes the gradient of queries, keys and values, given that of <see cref="Result"/>.</summary>
    /// <param name="dresult">(N, C).</param>
    /// <param name="dqkv">(N, 3C).</param>
    void Backward(Matrix dresult, Matrix dqkv);
}
