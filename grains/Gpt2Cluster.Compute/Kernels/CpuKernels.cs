using Gpt2Cluster.Compute.Devices;
using Gpt2Cluster.Compute.Memory;
using Gpt2Cluster.Compute.Model;

namespace Gpt2Cluster.Compute.Kernels;

/// <summary>
/// The kernels on a CPU: each passes over its operands once, in fixed parts on a <see cref="ThreadTeam"/>. Sums over
/// rows go by blocks of a fixed size, so no result depends on the number of threads.
/// </summary>
/// <typeparam name="T">What parameters, activations and gradients are held in.</typeparam>
/// <param name="team">Runs them.</param>
/// <param name="attend">
/// Attention that is faster than ours, of (N, 3C), T, H and whether a backward pass follows; null for none.
/// </param>
internal sealed class CpuKernels<T>(ThreadTeam team, Func<Matrix, int, int, bool, IAttention>? attend = null)
    : IKernels, ICrossEntropy
    where T : struct, IElement
{
    private readonly EmbeddingKernel<T> embedding = new(team);
    private readonly LayerNormKernel<T> layerNorm = new(team);
    private readonly ElementwiseKernel<T> elementwise = new(team);
    private readonly RowSumKernel<T> rowSum = new(team);
    private readonly CrossEntropyKernel<T> crossEntropy = new(team);

    /// <inheritdoc/>
    public void Embed(
        ReadOnlyMemory<int> tokens, int sequenceLength, Matrix wte, Matrix wpe, Dropout dropout, Matrix x) =>
        embedding.Forward(tokens, sequenceLength, wte, wpe, dropout, x);

    /// <inheritdoc/>
    public void EmbedBackward(
        ReadOnlyMemory<int> tokens, int sequenceLength, Matrix dx, Dropout dropout, Matrix dwte, Matrix dwpe)
    {
        if (dropout.IsOn)
            elementwise.Drop(dx, dropout, dx);
        embedding.Backward(tokens, sequenceLength, dx, dwte, dwpe);
    }

    /// <inheritdoc/>
    public void LayerNorm(Matrix x, NormViews w, Matrix statistics, Matrix y) =>
        layerNorm.Forward(x, w, statistics, y);

    /// <inheritdoc/>
    public void LayerNormBackward(Matrix dy, Matrix x, NormViews w, Matrix statistics, Matrix dx, NormViews? dw) =>
        layerNorm.Backward(dy, x, w, statistics, dx, dw);

    /// <inheritdoc/>
    public void AddBias(Matrix x, Matrix bias) => elementwise.AddBias(x, bias);

    /// <inheritdoc/>
    public IAttention Attend(Matrix qkv, int sequenceLength, int headCount, bool forBackward) =>
        attend?.Invoke(qkv, sequenceLength, headCount, forBackward)
        ?? new TiledAttention<T>(team, qkv, sequenceLength, headCount);

    /// <inheritdoc/>
    public void AttendToCaches(Matrix qkv, IReadOnlyList<CachedLayer> caches, Matrix result) =>
        CachedAttention.Attend<T>(team, qkv, caches, result);

    /// <inheritdoc/>
    public void Gelu(Matrix x, Matrix bias, Matrix y) => elementwise.Gelu(x, bias, y);

    /// <inheritdoc/>
    public void GeluBackward(Matrix x, Matrix bias, Matrix dy) => elementwise.GeluBackward(x, bias, dy);

    /// <inheritdoc/>
    public void AddBranch(Matrix x, Matrix branch, Matrix bias, Dropout dropout, Matrix y) =>
        elementwise.AddBranch(x, branch, bias, dropout, y);

    /// <inheritdoc/>
    public void DropoutBackward(Matrix dy, Dropout dropout, Matrix dbranch) =>
        elementwise.Drop(dy, dropout, dbranch);

    /// <inheritdoc/>
    public void AddDropped(Matrix x, Dropout dropout, Matrix y) => elementwise.AddDropped(x, dropout, y);

    /// <inheritdoc/>
    public void Round(Matrix x, Matrix y) => elementwise.Round(x, y);

    /// <inheritdoc/>
    public void Clear(Matrix x)
    {
        using var scope = TorchSharp.torch.NewDisposeScope();
        x.Tensor.zero_();
    }

    /// <inheritdoc/>
    public void SumRows(Matrix dy, Matrix dbias) => rowSum.Sum(dy, dbias);

    /// <inheritdoc/>
    public void CrossEntropy(
        Matrix logits, ReadOnlyMemory<int> targets, int vocabularySize, float scale, Memory<double> losses) =>
        crossEntropy.Apply(logits, targets, vocabularySize, scale, losses);

    /// <inheritdoc/>
    public void Dispose()
    {
    }
}
