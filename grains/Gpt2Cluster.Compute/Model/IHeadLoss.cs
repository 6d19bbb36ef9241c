using Gpt2Cluster.Compute.Memory;
using TorchSharp;
using static TorchSharp.torch;

namespace Gpt2Cluster.Compute.Model;

/// <summary>
/// Logits by the tied token embedding, softmax and loss, forward and backward; logits exist for some rows at a time, at
/// most 1,024, and never in fp32. Shapes: N rows, C channels, Vp the padded vocabulary.
/// </summary>
internal interface IHeadLoss : IDisposable
{
    /// <summary>The loss of every row, nats; and the gradient of their sum times a scale, where it is wanted.</summary>
    /// <param name="hidden">(N, C): the last layer norm's result.</param>
    /// <param name="tokens">(Vp, C): the token embedding.</param>
    /// <param name="targets">N tokens.</param>
    /// <param name="losses">Takes N losses, at the latest by <see cref="ReadLosses"/>.</param>
    /// <param name="gradients">Where the gradients go; null for none.</param>
    void Run(
        Matrix hidden,
        Matrix tokens,
        ReadOnlyMemory<int> targets,
        Memory<double> losses,
        HeadLossGradients? gradients);

    /// <summary>
    /// The losses of the last run are wanted on the host: from here on they are there. An implementation that computes
    /// them there has written them already.
    /// </summary>
    void ReadLosses(Memory<double> losses)
    {
    }

    /// <summary>
    /// Makes a gradient no number if a loss of the last run is not finite. A loss can be infinite while its gradient is
    /// finite. Every worker must know that the step is not to be applied, and all they share is the gradient: its norm
    /// is not finite then.
    /// </summary>
    /// <param name="losses">The last run's, where they are on the host already.</param>
    /// <param name="gradient">Any that is trained.</param>
    void PoisonUnlessFinite(ReadOnlyMemory<double> losses, Matrix gradient)
    {
        foreach (var loss in losses.Span)
        {
            if (double.IsFinite(loss))
                continue;
            using var scope = NewDisposeScope();
            using var number = float.NaN.ToScalar();
            gradient.Tensor.fill_(number);
            return;
        }
    }
}

/// <summary>What a backward pass of the vocabulary's loss writes.</summary>
/// <param name="Scale">Multiplies the losses: 1 / N for the mean.</param>
/// <param name="Hidden">(N, C).</param>
/// <param name="Tokens">(Vp, C), fp32; null if the embedding is not trained.</param>
internal sealed record HeadLossGradients(float Scale, Matrix Hidden, Matrix? Tokens);
