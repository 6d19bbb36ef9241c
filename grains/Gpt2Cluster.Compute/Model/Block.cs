using Gpt2Cluster.Compute.Kernels;
using Gpt2Cluster.Compute.Memory;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Randomness;

namespace Gpt2Cluster.Compute.Model;

/// <summary>What all blocks of one pass have in common.</summary>
/// <param name="SequenceLength">T.</param>
/// <param name="KeepsGraph">Whether a backward pass will follow on these activations.</param>
/// <param name="DropoutProbability">0 for none.</param>
/// <param name="Seed">Keys the dropout masks, with the next two.</param>
/// <param name="Step">The step.</param>
/// <param name="MicroBatch">The micro-batch within the step.</param>
internal readonly record struct Pass(
    int SequenceLength, bool KeepsGraph, double DropoutProbability, ulong Seed, long Step, int MicroBatch)
{
    /// <summary>The mask of one place; place 0 is the embedding, 1 attention's branch, 2 the perceptron's.</summary>
    public Dropout DropoutAt(int layer, int place) => DropoutProbability == 0
        ? Dropout.None
        : new Dropout(
            DropoutProbability, new RandomStream(Seed, RandomPurpose.Dropout, Step, MicroBatch, layer, place));
}

/// <summary>
/// One transformer block of GPT-2 (Radford et al. 2019), forward and backward, written out. Shapes: N = B T rows,
/// C channels. A gradient has the name of its value with a d in front.
/// </summary>
internal sealed class Block(IKernels kernels, ILinear linear, ModelShape shape)
{
    private const int AttentionPlace = 1;
    private const int PerceptronPlace = 2;

    /// <summary>
    /// Computes <paramref name="y"/> from <paramref name="x"/>, both (N, C), and leaves the activations.
    /// </summary>
    public void Forward(
        int layer, BlockViews w, in Pass pass, Matrix x, BlockActivations a, Matrix branch, Matrix y)
    {
        kernels.LayerNorm(x, w.Norm1Gain, w.Norm1Bias, a.Statistics1, a.Norm1); // (N, C)
        linear.Forward(a.Norm1, w.QkvWeight, w.QkvBias, a.Qkv); // (N, 3C)
        a.DropAttention();
        a.Attention = kernels.Attend(a.Qkv, pass.SequenceLength, shape.HeadCount, pass.KeepsGraph); // (N, C)
        linear.ForwardBranch(
            a.Attention.Result,
            w.OutWeight,
            w.OutBias,
            x,
            pass.DropoutAt(layer, AttentionPlace),
            branch,
            a.Middle); // (N, C)

        kernels.LayerNorm(a.Middle, w.Norm2Gain, w.Norm2Bias, a.Statistics2, a.Norm2); // (N, C)
        linear.ForwardGelu(a.Norm2, w.UpWeight, w.UpBias, a.Up, a.Activated); // (N, 4C)
        linear.ForwardBranch(
            a.Activated,
            w.DownWeight,
            w.DownBias,
            a.Middle,
            pass.DropoutAt(layer, PerceptronPlace),
            branch,
            y); // (N, C)
    }

    /// <summary>
    /// Writes the block's gradients; the stream's gradient comes in as that of the block's result and goes out as that
    /// of <paramref name="x"/>.
    /// </summary>
    public void Backward(
        int layer, BlockViews w, BlockViews dw, in Pass pass, Matrix x, BlockActivations a, Workspace space)
    {
        var (dx, dnarrow, dwide, dqkv) =
            (space.StreamGradient, space.NarrowGradient, space.WideGradient, space.QkvGradient);

        var dbranch = BranchGradient(dx, pass.DropoutAt(layer, PerceptronPlace), space.Branch); // (N, C)
        linear.BackwardWeight(a.Activated, dbranch, dw.DownWeight, dw.DownBias); // (4C, C)
        linear.BackwardGelu(dbranch, w.DownWeight, a.Up, w.UpBias, dwide); // (N, 4C)
        linear.BackwardWeight(a.Norm2, dwide, dw.UpWeight, dw.UpBias); // (C, 4C)
        linear.BackwardInput(dwide, w.UpWeight, dnarrow); // (N, C)
        kernels.LayerNormBackward(
            dnarrow, a.Middle, w.Norm2Gain, a.Statistics2, dx, dw.Norm2Gain, dw.Norm2Bias); // (N, C)

        dbranch = BranchGradient(dx, pass.DropoutAt(layer, AttentionPlace), space.Branch); // (N, C)
        linear.BackwardWeight(a.Attention!.Result, dbranch, dw.OutWeight, dw.OutBias); // (C, C)
        linear.BackwardInput(dbranch, w.OutWeight, dnarrow); // (N, C)
        a.Attention.Backward(dnarrow, dqkv); // (N, 3C)
        a.DropAttention();
        linear.BackwardWeight(a.Norm1, dqkv, dw.QkvWeight, dw.QkvBias); // (C, 3C)
        linear.BackwardInput(dqkv, w.QkvWeight, dnarrow); // (N, C)
        kernels.LayerNormBackward(
            dnarrow, x, w.Norm1Gain, a.Statistics1, dx, dw.Norm1Gain, dw.Norm1Bias); // (N, C)
    }

    private Matrix BranchGradient(Matrix dx, Dropout dropout, Matrix scratch)
    {
        if (!dropout.IsOn)
            return dx;
        kernels.DropoutBackward(dx, dropout, scratch);
        return scratch;
    }
}
