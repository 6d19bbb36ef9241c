using Gpt2Cluster.Compute.Memory;

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
    /// <param name="losses">N losses.</param>
    /// <param name="gradients">Where the gradients go; null for none.</param>
    void Run(
        Matrix hidden,
        Matrix tokens,
        ReadOnlyMemory<int> targets,
        Memory<double> losses,
        HeadLossGradients? gradients);
}

/// <summary>What a backward pass of the vocabulary's loss writes.</summary>
/// <param name="Scale">Multiplies the losses: 1 / N for the mean.</param>
/// <param name="Hidden">(N, C).</param>
/// <param name="Tokens">(Vp, C), fp32; null if the embedding is not trained.</param>
internal sealed record HeadLossGradients(float Scale, Matrix Hidden, Matrix? Tokens);
