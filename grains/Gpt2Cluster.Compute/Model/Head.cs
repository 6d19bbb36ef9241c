using Gpt2Cluster.Compute.Kernels;
using Gpt2Cluster.Core.Model;
using static TorchSharp.torch;

namespace Gpt2Cluster.Compute.Model;

/// <summary>
/// Last layer norm, then logits and loss over the vocabulary. Shapes: N rows, C channels.
/// </summary>
internal sealed class Head(IKernels kernels, IVocabularyLoss vocabulary, ModelShape shape, PhaseClock clock)
{
    /// <summary>The loss of every row, nats; no gradients.</summary>
    public void Losses(OuterViews w, Workspace space, ReadOnlyMemory<int> targets, Memory<double> losses)
    {
        Normalise(w, space);
        vocabulary.Run(space.Branch, w.Tokens, targets, losses, null);
    }

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
        Normalise(w, space);
        var gradients = new VocabularyGradients(scale, space.NarrowGradient, trainsEmbedding ? dw.Tokens : null);
        vocabulary.Run(space.Branch, w.Tokens, targets, losses, gradients);
        clock.Enter(Phase.HeadBackward);
        var x = space.Stream(shape.LayerCount); // (N, C)
        using var scope = NewDisposeScope();
        space.StreamGradient.Tensor.zero_();
        kernels.LayerNormBackward(
            space.NarrowGradient, x, w.NormGain, space.HeadStatistics, space.StreamGradient, dw.NormGain, dw.NormBias);
    }

    private void Normalise(OuterViews w, Workspace space)
    {
        clock.Enter(Phase.Head);
        var x = space.Stream(shape.LayerCount); // (N, C)
        kernels.LayerNorm(x, w.NormGain, w.NormBias, space.HeadStatistics, space.Branch); // (N, C)
    }
}
