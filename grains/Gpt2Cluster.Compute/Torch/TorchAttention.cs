using Gpt2Cluster.Compute.Kernels;
using Gpt2Cluster.Compute.Memory;
using TorchSharp;
using static TorchSharp.torch;

namespace Gpt2Cluster.Compute.Torch;

/// <summary>
/// Causal attention by libtorch's fused operators, forward and backward each one operator: on a processor the one for
/// processors, on a card flash attention in bf16 and the memory-efficient one in fp32. Queries, keys and values are
/// views of one matrix. What the backward pass needs lives as long as this.
/// Shapes: B windows, T tokens, N = B T, H heads, D channels of a head, C = H D.
/// </summary>
internal sealed class TorchAttention : IAttention
{
    // A card's operators want whole groups of channels; zeros behind them change neither scores nor results.
    private const int ChannelGroup = 8;

    private readonly TorchOperators operators;
    private readonly int length;
    private readonly int heads;
    private readonly Tensor[] inputs;
    private readonly Tensor[] kept;
    private readonly Tensor? starts;

    private TorchAttention(
        TorchOperators operators, int length, int heads, Matrix result, Tensor[] inputs, Tensor[] kept, Tensor? starts)
    {
        (this.operators, this.length, this.heads, Result) = (operators, length, heads, result);
        (this.inputs, this.kept, this.starts) = (inputs, kept, starts);
        foreach (var tensor in inputs.Concat(kept))
            tensor.DetachFromDisposeScope();
        starts?.DetachFromDisposeScope();
    }

    /// <inheritdoc/>
    public Matrix Result { get; }

    private int Width => Result.Columns;

    private double Factor => 1 / Math.Sqrt((double)Width / heads);

    /// <summary>Attends.</summary>
    /// <param name="operators">Takes the calls.</param>
    /// <param name="qkv">(N, 3C): queries, keys and values side by side.</param>
    /// <param name="sequenceLength">T.</param>
    /// <param name="headCount">H.</param>
    /// <param name="forBackward">Whether what a backward pass needs is kept.</param>
    public static TorchAttention Forward(
        TorchOperators operators, Matrix qkv, int sequenceLength, int headCount, bool forBackward)
    {
        using var scope = NewDisposeScope();
        var width = qkv.Columns / 3;
        var inputs = Enumerable.Range(0, 3).Select(part => qkv.Tensor.narrow(1, (long)part * width, width)
            .view(-1, sequenceLength, headCount, width / headCount)).ToArray(); // each (B, T, H, D)
        Tensor? starts = null;
        Tensor[] found; // the result, (B, T, H, D) or (N, H, D), and what else the backward pass needs
        if (qkv.Tensor.device_type != DeviceType.CUDA)
        {
            inputs = [.. inputs.Select(input => input.transpose(1, 2))]; // (B, H, T, D)
            var (y, sums) = operators.AttendOnCpu(inputs[0], inputs[1], inputs[2]);
            found = [y, sums];
        }
        else
        {
            var factor = 1 / Math.Sqrt((double)width / headCount);
            inputs = [.. inputs.Select(input => operators.Padded(input, PaddedWidth(width / headCount)))];
            if (qkv.Tensor.dtype == ScalarType.BFloat16)
            {
                inputs = [.. inputs.Select(input => input.view(-1, headCount, input.shape[^1]))]; // (N, H, D)
                starts = Starts(qkv, sequenceLength);
                found = operators.AttendByFlash(inputs[0], inputs[1], inputs[2], starts, sequenceLength, factor);
            }
            else
            {
                found = operators.AttendEfficiently(inputs[0], inputs[1], inputs[2], factor);
            }
        }

        var result = qkv.InSameMemory(operators.InOrder(Channels(found[0], qkv, width / headCount)).view(-1, width));
        return forBackward
            ? new TorchAttention(operators, sequenceLength, headCount, result, inputs, found, starts)
            : new TorchAttention(operators, sequenceLength, headCount, result, [], [], null);
    }

    /// <inheritdoc/>
    public void Backward(Matrix dresult, Matrix dqkv)
    {
        using var scope = NewDisposeScope();
        if (dqkv.Rows != dresult.Rows || dqkv.Columns != 3 * Width)
            throw new ArgumentException("The gradient's place has another shape.");
        var headWidth = Width / heads;
        var dy = dresult.Tensor.view(-1, length, heads, headWidth); // (B, T, H, D)
        Tensor[] gradients;
        if (dresult.Tensor.device_type != DeviceType.CUDA)
        {
            gradients = operators.AttendOnCpuBackward(
                dy.transpose(1, 2), inputs[0], inputs[1], inputs[2], kept[0], kept[1]);
        }
        else
        {
            dy = operators.Padded(dy, PaddedWidth(headWidth));
            gradients = starts is null
                ? operators.AttendEfficientlyBackward(dy, inputs, kept, length, Factor)
                : operators.AttendByFlashBackward(
                    dy.view(-1, heads, dy.shape[^1]), inputs, kept, starts, length, Factor);
        }

        var parts = gradients.Select(gradient => Channels(gradient, dresult, headWidth)
            .view(-1, length, heads, headWidth)).ToArray();
        operators.Join(parts, 2, dqkv.Tensor.view(-1, length, 3 * heads, headWidth));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Result.Dispose();
        foreach (var tensor in inputs.Concat(kept))
            tensor.Dispose();
        starts?.Dispose();
    }

    private static long PaddedWidth(int headWidth) => (headWidth + ChannelGroup - 1) / ChannelGroup * ChannelGroup;

    /// <summary>Where windows begin and the last one ends: (B + 1).</summary>
    private static Tensor Starts(Matrix qkv, int length) =>
        TorchOperators.Steps(qkv.Rows + 1, length, qkv.Tensor.device);

    /// <summary>The order of the matrices, without padding: a view.</summary>
    private static Tensor Channels(Tensor heads, Matrix like, int headWidth) =>
        like.Tensor.device_type != DeviceType.CUDA
            ? heads.transpose(1, 2)
            : heads.narrow(-1, 0, headWidth);
}
