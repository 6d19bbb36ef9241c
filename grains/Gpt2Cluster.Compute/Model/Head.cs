using Gpt2Cluster.Compute.Kernels;
using Gpt2Cluster.Core.Model;
using static TorchSharp.torch;

namespace Gpt2Cluster.Compute.Model;

/// <summary>
/// Last layer norm, logits by the tied token embedding, and loss: in chunks of rows, each forward and backward, so that
/// only one chunk's logits exist at a time. Shapes: N rows, C channels, Vp the padded vocabulary, R rows of a chunk.
/// </summary>
internal sealed class Head(IKernels kernels, ModelShape shape, PhaseClock clock)
{
    /// <summary>The loss of every row, nats; no gradients.</summary>
    public void Losses(OuterViews w, Workspace space, ReadOnlyMemory<int> targets, Memory<double> losses) =>
        Run(w, null, space, targets, 0, false, losses);

    /// <summary>
    /// The loss of every row, and the gradient of their sum times <paramref name="scale"/>: that of the residual stream
    /// into the workspace, that of the embedding and the last layer norm into <paramref name="dw"/>.
    /// </summary>
    /// <param name="w">Last layer norm and embeddings.</param>
    /// <param name="dw">Their gradients.</param>
    /// <param name="space">Holds the residual stream behind the last block.</param>
    /// <param name="targets">N tokens.</param>
    /// <param name="scale">1 / N for the mean.</param>
    /// <param name="trainsEmbedding">Whether the embedding's gradient is wanted.</param>
    /// <param name="losses">N losses.</param>
    public void LossesAndGradients(
        OuterViews w,
        OuterViews dw,
        Workspace space,
        ReadOnlyMemory<int> targets,
        float scale,
        bool trainsEmbedding,
        Memory<double> losses)
    {
        Run(w, dw, space, targets, scale, trainsEmbedding, losses);
        clock.Enter(Phase.HeadBackward);
        var x = space.Stream(shape.LayerCount); // (N, C)
        using var scope = NewDisposeScope();
        space.StreamGradient.Tensor.zero_();
        kernels.LayerNormBackward(
            space.NarrowGradient, x, w.NormGain, space.HeadStatistics, space.StreamGradient, dw.NormGain, dw.NormBias);
    }

    private void Run(
        OuterViews w,
        OuterViews? dw,
        Workspace space,
        ReadOnlyMemory<int> targets,
        float scale,
        bool trainsEmbedding,
        Memory<double> losses)
    {
        clock.Enter(Phase.Head);
        var x = space.Stream(shape.LayerCount); // (N, C)
        kernels.LayerNorm(x, w.NormGain, w.NormBias, space.HeadStatistics, space.Branch); // (N, C)
        for (var first = 0; first < space.Rows; first += Workspace.HeadRows)
        {
            var count = Math.Min(Workspace.HeadRows, space.Rows - first);
            using var hidden = space.Branch.SliceRows(first, count); // (R, C)
            using var logits = space.Logits.SliceRows(0, count); // (R, Vp)
            clock.Enter(Phase.Head);
            Products.MultiplyByTransposed(hidden, w.Tokens, logits); // (R, Vp)
            kernels.CrossEntropy(
                logits, targets.Slice(first, count), shape.VocabularySize, scale, losses.Slice(first, count));
            if (dw is null)
                continue;
            clock.Enter(Phase.HeadBackward);
            using var dhidden = space.NarrowGradient.SliceRows(first, count); // (R, C)
            Products.Multiply(logits, w.Tokens, dhidden); // (R, C)
            if (trainsEmbedding)
                Products.MultiplyTransposed(logits, hidden, dw.Tokens, add: first > 0); // (Vp, C)
        }
    }
}
