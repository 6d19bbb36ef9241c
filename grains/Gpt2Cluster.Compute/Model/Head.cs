using Gpt2Cluster.Compute.Kernels;
using Gpt2Cluster.Compute.Memory;
using Gpt2Cluster.Core.Model;

namespace Gpt2Cluster.Compute.Model;

/// <summary>
/// Last layer norm, then logits and loss over the vocabulary. Shapes: N rows, C channels.
/// </summary>
internal sealed class Head(IKernels kernels, IHeadLoss loss, ModelShape shape, PhaseClock clock)
{
    /// <summary>The loss of every row, nats; no gradients.</summary>
    public void Losses(OuterParameters w, Workspace space, ReadOnlyMemory<int> targets, Memory<double> losses)
    {
        Normalise(w, space);
        loss.Run(space.Branch, w.Tokens, targets, losses, null);
    }

    /// <summary>
    /// The loss of every row, and the gradient of their sum times <paramref name="scale"/>: that of the residual stream
    /// into the workspace, that of the embedding and the last layer norm into <paramref name="gradients"/>.
    /// </summary>
    /// <param name="w">Last layer norm and embeddings.</param>
    /// <param name="gradients">Takes those of what is trained.</param>
    /// <param name="tokenSums">Takes that of the embedding, fp32; null if it is not trained.</param>
    /// <param name="space">Holds the residual stream behind the last block.</param>
    /// <param name="targets">N tokens.</param>
    /// <param name="scale">1 / N for the mean.</param>
    /// <param name="losses">N losses.</param>
    public void LossesAndGradients(
        OuterParameters w,
        GradientViews gradients,
        Matrix? tokenSums,
        Workspace space,
        ReadOnlyMemory<int> targets,
        float scale,
        Memory<double> losses)
    {
        Normalise(w, space);
        var wanted = new HeadLossGradients(scale, space.ChannelGradient, tokenSums);
        loss.Run(space.Branch, w.Tokens, targets, losses, wanted);
        clock.Enter(Phase.HeadBackward);
        var x = space.Stream(shape.LayerCount); // (N, C)
        kernels.Clear(space.StreamGradient);
        kernels.LayerNormBackward(
            space.ChannelGradient, x, w.Norm, space.HeadStatistics, space.StreamGradient, gradients.Norm);
    }

    private void Normalise(OuterParameters w, Workspace space)
    {
        clock.Enter(Phase.Head);
        var x = space.Stream(shape.LayerCount); // (N, C)
        kernels.LayerNorm(x, w.Norm, space.HeadStatistics, space.Branch); // (N, C)
    }
}
