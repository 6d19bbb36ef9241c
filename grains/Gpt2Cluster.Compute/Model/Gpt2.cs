using Gpt2Cluster.Compute.Devices;
using Gpt2Cluster.Compute.Kernels;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Ports;
using static TorchSharp.torch;

namespace Gpt2Cluster.Compute.Model;

/// <summary>The whole model, forward and backward, over one workspace. N = B T rows.</summary>
internal sealed class Gpt2(
    ComputeRoute route, ParameterLayout layout, IWorkingParameters parameters, PhaseClock clock) : IDisposable
{
    private readonly ModelShape shape = layout.Shape;
    private readonly IKernels kernels = route.Kernels;
    private readonly Block block = new(route.Kernels, route.Linear, layout.Shape);
    private Head? head;

    /// <summary>The loss over the vocabulary.</summary>
    public IVocabularyLoss Vocabulary { get; } = route.VocabularyLoss(layout.Shape, clock);

    private Head Head => head ??= new Head(kernels, Vocabulary, shape, clock);

    /// <inheritdoc/>
    public void Dispose() => Vocabulary.Dispose();

    /// <summary>The loss of every row, without gradients.</summary>
    /// <param name="space">Made without a backward pass.</param>
    /// <param name="pass">Without dropout.</param>
    /// <param name="tokens">N tokens.</param>
    /// <param name="targets">N tokens.</param>
    /// <param name="losses">N losses, nats.</param>
    public void Losses(
        Workspace space, in Pass pass, ReadOnlyMemory<int> tokens, ReadOnlyMemory<int> targets, Memory<double> losses)
    {
        Forward(space, pass, tokens, null);
        Head.Losses(parameters.Outer, space, targets, losses);
        clock.Enter(Phase.Outside);
    }

    /// <summary>Embedding and blocks; the result lies in the workspace's stream behind the last block.</summary>
    /// <param name="space">Takes the activations.</param>
    /// <param name="pass">What the blocks have in common.</param>
    /// <param name="tokens">N tokens.</param>
    /// <param name="blockDone">Told each layer when its activations are there; for a key/value cache.</param>
    public void Forward(
        Workspace space, in Pass pass, ReadOnlyMemory<int> tokens, Action<int, BlockActivations>? blockDone)
    {
        clock.Enter(Phase.Embedding);
        var outer = parameters.Outer;
        var x = space.Stream(0); // (N, C)
        kernels.Embed(
            tokens, pass.SequenceLength, outer.Tokens, outer.Positions, pass.DropoutAt(-1, 0), x);
        clock.Enter(Phase.BlocksForward);
        for (var layer = 0; layer < shape.LayerCount; layer++)
        {
            ForwardBlock(space, pass, layer);
            blockDone?.Invoke(layer, space.Block(layer));
        }
    }

    /// <summary>
    /// Loss and gradients of one micro-batch. Each block's gradients are final when its own backward pass returns.
    /// </summary>
    /// <param name="space">Made for a backward pass.</param>
    /// <param name="pass">What the blocks have in common.</param>
    /// <param name="recompute">Whether blocks run forward again before they run backward.</param>
    /// <param name="trainsOuter">Whether embeddings and last layer norm are trained.</param>
    /// <param name="tokens">N tokens.</param>
    /// <param name="targets">N tokens.</param>
    /// <param name="gradients">Written.</param>
    /// <param name="final">Told each range of the layout whose gradients are final.</param>
    /// <param name="losses">N losses, nats.</param>
    public void LossesAndGradients(
        Workspace space,
        Pass pass,
        bool recompute,
        bool trainsOuter,
        ReadOnlyMemory<int> tokens,
        ReadOnlyMemory<int> targets,
        ParameterViews gradients,
        Action<long, long> final,
        Memory<double> losses)
    {
        FaultPoints.Reach(FaultPoint.Forward, pass.Step);
        Forward(space, pass with { KeepsGraph = !recompute }, tokens, null);
        Head.LossesAndGradients(
            parameters.Outer, gradients.Outer, space, targets, 1f / space.Rows, trainsOuter, losses);
        if (!trainsOuter)
            ClearOuter(gradients.Outer);
        MarkIfWild(losses.Span, gradients.Outer);
        final(layout["ln_f.weight"].Start, layout["wpe.weight"].Start);

        FaultPoints.Reach(FaultPoint.Backward, pass.Step);
        for (var layer = shape.LayerCount - 1; layer >= 0; layer--)
        {
            clock.Enter(Phase.BlocksBackward);
            if (recompute)
                ForwardBlock(space, pass, layer);
            var (w, dw) = (parameters.Block(layer), gradients.Blocks[layer]);
            block.Backward(layer, w, dw, pass, space.Stream(layer), space.Block(layer), space);
            var (start, end) = layout.Block(layer);
            final(start, end);
        }

        clock.Enter(Phase.Embedding);
        if (trainsOuter)
            EmbedBackward(space, pass, tokens, gradients.Outer);
        final(layout["wpe.weight"].Start, layout.Length);
        clock.Enter(Phase.Outside);
    }

    /// <summary>
    /// A loss can be infinite while its gradient is finite. Every worker must know that the step is not to be applied,
    /// and all they share is the gradient: its norm is not finite then.
    /// </summary>
    private static void MarkIfWild(ReadOnlySpan<double> losses, OuterViews gradients)
    {
        foreach (var loss in losses)
        {
            if (double.IsFinite(loss))
                continue;
            using var scope = NewDisposeScope();
            gradients.NormGain.Tensor.fill_(float.NaN);
            return;
        }
    }

    /// <summary>With recomputation the same values are written over the same values.</summary>
    private void ForwardBlock(Workspace space, in Pass pass, int layer) => block.Forward(
        layer,
        parameters.Block(layer),
        pass,
        space.Stream(layer),
        space.Block(layer),
        space.Branch,
        space.Stream(layer + 1));

    private void EmbedBackward(Workspace space, in Pass pass, ReadOnlyMemory<int> tokens, OuterViews gradients) =>
        kernels.EmbedBackward(
            tokens,
            pass.SequenceLength,
            space.StreamGradient,
            pass.DropoutAt(-1, 0),
            gradients.Tokens,
            gradients.Positions);

    private static void ClearOuter(OuterViews gradients)
    {
        foreach (var matrix in new[] { gradients.NormGain, gradients.NormBias, gradients.Positions, gradients.Tokens })
        {
            using var scope = NewDisposeScope();
            matrix.Tensor.zero_();
        }
    }
}
