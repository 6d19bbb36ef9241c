using Gpt2Cluster.Compute.Devices;
using Gpt2Cluster.Compute.Kernels;
using Gpt2Cluster.Compute.Memory;
using Gpt2Cluster.Core.Model;

namespace Gpt2Cluster.Compute.Model;

/// <summary>
/// One transformer block of GPT-2 (Radford et al. 2019), forward and backward, written out. Shapes: N = B T rows,
/// C channels. A gradient has the name of its value with a d in front; those of frozen parameters are not computed.
/// </summary>
internal sealed class Block(ComputeBackend backend, ModelParameters parameters)
{
    private const int AttentionPlace = 1;
    private const int MlpPlace = 2;

    private readonly IKernels kernels = backend.Kernels;
    private readonly ILinear linear = backend.Linear;
    private readonly AdaptedLinear adapted = new(backend, parameters.Lora);
    private readonly int headCount = parameters.Shape.HeadCount;

    /// <summary>
    /// Computes <paramref name="y"/> from <paramref name="x"/>, both (N, C), and leaves the activations.
    /// </summary>
    public void Forward(
        int layer, BlockParameters w, in StepContext context, Matrix x, BlockActivations a, Matrix branch, Matrix y)
    {
        kernels.LayerNorm(x, w.Norm1, a.Norm1Statistics, a.Norm1); // (N, C)
        var term = adapted.Forward(context, layer, ParameterRole.QkvWeight, a.Norm1, w.Qkv, a);
        linear.Forward(a.Norm1, w.Qkv, term, a.Qkv); // (N, 3C)
        a.DropAttention();
        a.Attention = kernels.Attend(a.Qkv, context.SequenceLength, headCount, context.KeepsGraph); // (N, C)
        term = adapted.Forward(context, layer, ParameterRole.OutWeight, a.Attention.Result, w.Out, a);
        var dropout = context.DropoutAt(layer, AttentionPlace);
        linear.ForwardBranch(a.Attention.Result, w.Out, term, x, dropout, branch, a.Residual); // (N, C)

        kernels.LayerNorm(a.Residual, w.Norm2, a.Norm2Statistics, a.Norm2); // (N, C)
        term = adapted.Forward(context, layer, ParameterRole.UpWeight, a.Norm2, w.Up, a);
        linear.ForwardGelu(a.Norm2, w.Up, term, a.Up, a.Activated); // (N, 4C)
        term = adapted.Forward(context, layer, ParameterRole.DownWeight, a.Activated, w.Down, a);
        dropout = context.DropoutAt(layer, MlpPlace);
        linear.ForwardBranch(a.Activated, w.Down, term, a.Residual, dropout, branch, y); // (N, C)
    }

    /// <summary>
    /// Writes the gradients of what is trained of the block; the stream's gradient comes in as that of the block's
    /// result and goes out as that of <paramref name="x"/>.
    /// </summary>
    /// <param name="layer">The block.</param>
    /// <param name="w">Its parameters.</param>
    /// <param name="dw">Their gradients.</param>
    /// <param name="context">The pass.</param>
    /// <param name="x">(N, C).</param>
    /// <param name="a">What the forward pass left.</param>
    /// <param name="space">Holds the stream's gradient and scratch.</param>
    /// <param name="isLast">
    /// Whether nothing before the block is trained: what only leads to the gradient of <paramref name="x"/> is left
    /// out.
    /// </param>
    public void Backward(
        int layer,
        BlockParameters w,
        BlockGradients dw,
        in StepContext context,
        Matrix x,
        BlockActivations a,
        Workspace space,
        bool isLast)
    {
        var (dx, dchannels, dmlp, dqkv) =
            (space.StreamGradient, space.ChannelGradient, space.MlpGradient, space.QkvGradient);

        var dbranch = BranchGradient(dx, context.DropoutAt(layer, MlpPlace), space.Branch); // (N, C)
        var term = adapted.Backward(
            context, layer, ParameterRole.DownWeight, a.Activated, dbranch, w.Down, dw.Down, a, space); // (4C, C)
        linear.BackwardGelu(dbranch, w.Down.Weight, term, a.Up, w.Up.Bias, dmlp); // (N, 4C)
        term = adapted.Backward(
            context, layer, ParameterRole.UpWeight, a.Norm2, dmlp, w.Up, dw.Up, a, space); // (C, 4C)
        linear.BackwardInput(dmlp, w.Up.Weight, term, dchannels); // (N, C)
        kernels.LayerNormBackward(dchannels, a.Residual, w.Norm2, a.Norm2Statistics, dx, dw.Norm2); // (N, C)

        dbranch = BranchGradient(dx, context.DropoutAt(layer, AttentionPlace), space.Branch); // (N, C)
        term = adapted.Backward(
            context,
            layer,
            ParameterRole.OutWeight,
            a.Attention!.Result,
            dbranch,
            w.Out,
            dw.Out,
            a,
            space); // (C, C)
        linear.BackwardInput(dbranch, w.Out.Weight, term, dchannels); // (N, C)
        a.Attention.Backward(dchannels, dqkv); // (N, 3C)
        a.DropAttention();
        term = adapted.Backward(
            context, layer, ParameterRole.QkvWeight, a.Norm1, dqkv, w.Qkv, dw.Qkv, a, space); // (C, 3C)
        if (isLast && dw.Norm1 is null)
            return;
        linear.BackwardInput(dqkv, w.Qkv.Weight, term, dchannels); // (N, C)
        kernels.LayerNormBackward(dchannels, x, w.Norm1, a.Norm1Statistics, dx, dw.Norm1); // (N, C)
    }

    private Matrix BranchGradient(Matrix dx, Dropout dropout, Matrix scratch)
    {
        if (!dropout.IsOn)
            return dx;
        kernels.DropoutBackward(dx, dropout, scratch);
        return scratch;
    }
}
