using System.Runtime.InteropServices;
using Gpt2Cluster.Compute.Memory;
using Gpt2Cluster.Compute.Model;
using Gpt2Cluster.Core.Model;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Gpt2Cluster.Compute.Kernels;

/// <summary>
/// The kernels as operations on whole tensors: what a GPU runs. They work on a CPU too, where tests hold them against
/// <see cref="CpuKernels{T}"/>. Gradients of layer norm and GELU come from libtorch's own formulas.
/// </summary>
internal sealed class TorchKernels(torch.Device device) : IKernels
{
    /// <inheritdoc/>
    public void Embed(
        ReadOnlyMemory<int> tokens, int sequenceLength, Matrix wte, Matrix wpe, Dropout dropout, Matrix x)
    {
        using var scope = NewDisposeScope();
        var windows = x.Rows / sequenceLength;
        var rows = wte.Tensor.index_select(0, OnDevice(tokens)); // (N, C)
        var positions = wpe.Tensor.narrow(0, 0, sequenceLength).repeat(windows, 1); // (N, C)
        x.Tensor.copy_((rows + positions) * Multipliers(dropout, x));
    }

    /// <inheritdoc/>
    public void EmbedBackward(
        ReadOnlyMemory<int> tokens, int sequenceLength, Matrix dx, Dropout dropout, Matrix dwte, Matrix dwpe)
    {
        using var scope = NewDisposeScope();
        var gradient = dx.Tensor * Multipliers(dropout, dx); // (N, C)
        dwte.Tensor.index_add_(0, OnDevice(tokens), gradient.to(ScalarType.Float32), 1);
        dwpe.Tensor.zero_();
        dwpe.Tensor.narrow(0, 0, sequenceLength).copy_(gradient.view(-1, sequenceLength, dx.Columns).sum([0L]));
    }

    /// <inheritdoc/>
    public void LayerNorm(Matrix x, NormViews w, Matrix statistics, Matrix y)
    {
        using var scope = NewDisposeScope();
        y.Tensor.copy_(Normalise(x.Tensor, Flat(w.Gain), Flat(w.Bias)));
    }

    /// <inheritdoc/>
    public void LayerNormBackward(Matrix dy, Matrix x, NormViews w, Matrix statistics, Matrix dx, NormViews? dw)
    {
        using var scope = NewDisposeScope();
        using var mode = enable_grad();
        Tensor[] inputs = [Leaf(x.Tensor), Leaf(Flat(w.Gain)), Leaf(zeros_like(Flat(w.Gain)))];
        var gradients = autograd.grad([Normalise(inputs[0], inputs[1], inputs[2])], inputs, [dy.Tensor]);
        using var still = no_grad();
        dx.Tensor.add_(gradients[0]);
        if (dw is null)
            return;
        Flat(dw.Gain).copy_(gradients[1]);
        Flat(dw.Bias).copy_(gradients[2]);
    }

    /// <inheritdoc/>
    public void AddBias(Matrix x, Matrix bias)
    {
        using var scope = NewDisposeScope();
        x.Tensor.add_(bias.Tensor);
    }

    /// <inheritdoc/>
    public IAttention Attend(Matrix qkv, int sequenceLength, int headCount, bool forBackward) =>
        ScaledDotProductAttention.Forward(qkv, sequenceLength, headCount, forBackward);

    /// <inheritdoc/>
    public void AttendToCache(Matrix qkv, Matrix keys, Matrix values, int position, Matrix result)
    {
        using var scope = NewDisposeScope();
        var (samples, headWidth) = (qkv.Rows, keys.Columns);
        var heads = result.Columns / headWidth;
        var parts = qkv.Tensor.view(samples, 3, heads, 1, headWidth); // (S, 3, H, 1, D)
        var (cachedKeys, cachedValues) = (Cached(keys), Cached(values)); // each (S, H, P, D)
        cachedKeys.narrow(2, position, 1).copy_(parts.select(1, 1)); // (S, H, 1, D)
        cachedValues.narrow(2, position, 1).copy_(parts.select(1, 2)); // (S, H, 1, D)
        var output = functional.scaled_dot_product_attention(
            parts.select(1, 0), cachedKeys.narrow(2, 0, position + 1), cachedValues.narrow(2, 0, position + 1));
        result.Tensor.copy_(output.reshape(result.Rows, result.Columns)); // (S, C)

        Tensor Cached(Matrix cache) => cache.Tensor.view(samples, heads, -1, headWidth);
    }

    /// <inheritdoc/>
    public void Gelu(Matrix x, Matrix bias, Matrix y)
    {
        using var scope = NewDisposeScope();
        y.Tensor.copy_((x.Tensor + bias.Tensor).gelu(TorchSharp.Modules.GELU.Approximate.tanh));
    }

    /// <inheritdoc/>
    public void GeluBackward(Matrix x, Matrix bias, Matrix dy)
    {
        using var scope = NewDisposeScope();
        using var mode = enable_grad();
        var input = Leaf(x.Tensor + bias.Tensor);
        var gradient = autograd.grad([input.gelu(TorchSharp.Modules.GELU.Approximate.tanh)], [input], [dy.Tensor]);
        using var still = no_grad();
        dy.Tensor.copy_(gradient[0]);
    }

    /// <inheritdoc/>
    public void AddBranch(Matrix x, Matrix branch, Matrix bias, Dropout dropout, Matrix y)
    {
        using var scope = NewDisposeScope();
        y.Tensor.copy_(x.Tensor + ((branch.Tensor + bias.Tensor) * Multipliers(dropout, x)));
    }

    /// <inheritdoc/>
    public void DropoutBackward(Matrix dy, Dropout dropout, Matrix dbranch)
    {
        using var scope = NewDisposeScope();
        dbranch.Tensor.copy_(dy.Tensor * Multipliers(dropout, dy));
    }

    /// <inheritdoc/>
    public void AddDropped(Matrix x, Dropout dropout, Matrix y)
    {
        using var scope = NewDisposeScope();
        y.Tensor.add_(x.Tensor * Multipliers(dropout, x));
    }

    /// <inheritdoc/>
    public void Round(Matrix x, Matrix y)
    {
        using var scope = NewDisposeScope();
        y.Tensor.copy_(x.Tensor);
    }

    /// <inheritdoc/>
    public void SumRows(Matrix dy, Matrix dbias)
    {
        using var scope = NewDisposeScope();
        Flat(dbias).copy_(dy.Tensor.to(ScalarType.Float32).sum([0L]));
    }

    /// <inheritdoc/>
    public void CrossEntropy(
        Matrix logits, ReadOnlyMemory<int> targets, int vocabularySize, float scale, Memory<double> losses)
    {
        using var scope = NewDisposeScope();
        var inner = logits.Tensor.narrow(1, 0, vocabularySize); // (rows, V)
        var logarithms = functional.log_softmax(inner.to(ScalarType.Float32), 1); // (rows, V)
        var index = OnDevice(targets).unsqueeze(1); // (rows, 1)
        var rowLosses = logarithms.gather(1, index).neg().to(ScalarType.Float64).cpu();
        MemoryMarshal.Cast<byte, double>(rowLosses.bytes).CopyTo(losses.Span);
        if (scale == 0)
            return;
        var gradient = logarithms.exp_();
        gradient.scatter_add_(1, index, full_like(index, -1, ScalarType.Float32));
        logits.Tensor.zero_();
        inner.copy_(gradient.mul_(scale));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
    }

    private static Tensor Flat(Matrix vector) => vector.Tensor.view(-1);

    private static Tensor Leaf(Tensor tensor) => tensor.detach().requires_grad_();

    private static Tensor Normalise(Tensor x, Tensor gain, Tensor bias) =>
        functional.layer_norm(x, [x.shape[1]], gain, bias, ModelShape.LayerNormEpsilon);

    private Tensor OnDevice(ReadOnlyMemory<int> values) =>
        tensor(values.ToArray(), ScalarType.Int64).to(device);

    private Tensor Multipliers(Dropout dropout, Matrix like)
    {
        if (!dropout.IsOn)
            return ones(1, like.Tensor.dtype, device);
        var values = new float[(long)like.Rows * like.Columns];
        dropout.Stream.FillKeepMultipliers(values, 0, dropout.Probability);
        return tensor(values).view(like.Rows, like.Columns).to(like.Tensor.dtype).to(device);
    }
}
