using Gpt2Cluster.Compute.Memory;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Gpt2Cluster.Compute.Kernels;

/// <summary>
/// Attention by libtorch's operator, the best there is on a GPU. Queries, keys and values are views of one matrix;
/// the kernel's own backward pass needs its graph, which lives from forward to backward.
/// Shapes: B windows, T tokens, H heads, D channels of a head, C = H D.
/// </summary>
internal sealed class ScaledDotProductAttention : IAttention
{
    private readonly Tensor[] inputs; // query, key and value: (B, H, T, D)
    private readonly Tensor output; // (B, H, T, D)

    private ScaledDotProductAttention(Tensor[] inputs, Tensor output, Matrix result)
    {
        this.inputs = inputs;
        this.output = output;
        Result = result;
    }

    /// <inheritdoc/>
    public Matrix Result { get; }

    /// <summary>Attends.</summary>
    /// <param name="qkv">(N, 3C): queries, keys and values side by side.</param>
    /// <param name="sequenceLength">T.</param>
    /// <param name="headCount">H.</param>
    /// <param name="forBackward">Whether the graph is kept.</param>
    public static ScaledDotProductAttention Forward(Matrix qkv, int sequenceLength, int headCount, bool forBackward)
    {
        using var scope = NewDisposeScope();
        var width = qkv.Columns / 3;
        var windows = qkv.Rows / sequenceLength;
        var inputs = new Tensor[3];
        for (var part = 0; part < 3; part++)
        {
            inputs[part] = qkv.Tensor.narrow(1, (long)part * width, width) // (N, C)
                .view(windows, sequenceLength, headCount, width / headCount) // (B, T, H, D)
                .transpose(1, 2) // (B, H, T, D)
                .detach().requires_grad_(forBackward);
        }

        using var mode = set_grad_enabled(forBackward);
        var output = functional.scaled_dot_product_attention(inputs[0], inputs[1], inputs[2], is_casual: true);
        var result = qkv.AllocateLike(qkv.Rows, width); // (N, C)
        result.Tensor.view(windows, sequenceLength, headCount, -1).copy_(output.detach().transpose(1, 2));
        output.DetachFromDisposeScope();
        foreach (var input in inputs)
            input.DetachFromDisposeScope();
        return new ScaledDotProductAttention(inputs, output, result);
    }

    /// <inheritdoc/>
    public void Backward(Matrix dresult, Matrix dqkv)
    {
        using var scope = NewDisposeScope();
        var width = dresult.Columns;
        var (windows, heads, length) = (output.shape[0], output.shape[1], output.shape[2]);
        var doutput = dresult.Tensor.view(windows, length, heads, -1).transpose(1, 2); // (B, H, T, D)
        var gradients = autograd.grad([output], inputs, [doutput]);
        for (var part = 0; part < 3; part++)
        {
            dqkv.Tensor.narrow(1, (long)part * width, width).view(windows, length, heads, -1)
                .copy_(gradients[part].transpose(1, 2));
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Result.Dispose();
        output.Dispose();
        foreach (var input in inputs)
            input.Dispose();
    }
}
