using Gpt2Cluster.Compute.Devices;
using Gpt2Cluster.Compute.Kernels;
using Gpt2Cluster.Compute.Training;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Ports;

namespace Gpt2Cluster.Compute.Model;

/// <summary>The whole model, forward and backward, over one workspace. N = B T rows.</summary>
internal sealed class Gpt2(
    ComputeBackend backend, ModelParameters description, IWorkingParameters parameters, PhaseClock clock) : IDisposable
{
    private readonly ModelShape shape = description.Shape;
    private readonly ParameterLayout trained = description.Trained;
    private readonly IKernels kernels = backend.Kernels;
    private readonly Block block = new(backend, description);
    private readonly TokenGradient tokenGradient = new(backend);
    private Head? head;

    /// <summary>The loss over the vocabulary.</summary>
    public IHeadLoss Loss { get; } = backend.NewHeadLoss(description.Shape, clock);

    private Head Head => head ??= new Head(kernels, Loss, shape, clock);

    /// <inheritdoc/>
    public void Dispose()
    {
        tokenGradient.Dispose();
        Loss.Dispose();
    }

    /// <summary>The loss of every row, without gradients.</summary>
    /// <param name="space">Made without a backward pass.</param>
    /// <param name="context">Without dropout.</param>
    /// <param name="tokens">N tokens.</param>
    /// <param name="targets">N tokens.</param>
    /// <param name="losses">N losses, nats.</param>
    public void Losses(
        Workspace space,
        in StepContext context,
        ReadOnlyMemory<int> tokens,
        ReadOnlyMemory<int> targets,
        Memory<double> losses)
    {
        backend.BeginPass(tokens, targets);
        Forward(space, context, tokens, null);
        Head.Losses(parameters.Outer, space, targets, losses);
        Loss.ReadLosses(losses);
        clock.Enter(Phase.Outside);
    }

    /// <summary>Embedding and blocks; the result lies in the workspace's stream behind the last block.</summary>
    /// <param name="space">Takes the activations.</param>
    /// <param name="context">What the blocks have in common.</param>
    /// <param name="tokens">N tokens.</param>
    /// <param name="blockDone">Told each layer when its activations are there; for a key/value cache.</param>
    public void Forward(
        Workspace space,
        in StepContext context,
        ReadOnlyMemory<int> tokens,
        Action<int, BlockActivations>? blockDone)
    {
        clock.Enter(Phase.Embedding);
        var outer = parameters.Outer;
        var x = space.Stream(0); // (N, C)
        kernels.Embed(
            tokens, context.SequenceLength, outer.Tokens, outer.Positions, context.DropoutAt(-1, 0), x);
        clock.Enter(Phase.BlocksForward);
        for (var layer = 0; layer < shape.LayerCount; layer++)
        {
            ForwardBlock(space, context, layer);
            blockDone?.Invoke(layer, space.Block(layer));
        }
    }

    /// <summary>
    /// Loss and gradients of one micro-batch. Each block's gradients are final when its own backward pass returns.
    /// </summary>
    /// <param name="space">Made for a backward pass.</param>
    /// <param name="context">What the blocks have in common.</param>
    /// <param name="recompute">Whether blocks run forward again before they run backward.</param>
    /// <param name="tokens">N tokens.</param>
    /// <param name="targets">N tokens.</param>
    /// <param name="accumulator">Opened for the micro-batch: takes each range of gradients once it is final.</param>
    /// <param name="losses">N losses, nats.</param>
    public void LossesAndGradients(
        Workspace space,
        StepContext context,
        bool recompute,
        ReadOnlyMemory<int> tokens,
        ReadOnlyMemory<int> targets,
        GradientAccumulator accumulator,
        Memory<double> losses)
    {
        backend.BeginPass(tokens, targets);
        var gradients = accumulator.Gradient;
        Forward(space, context with { KeepsGraph = !recompute }, tokens, null);
        var tokenSums = gradients.Tokens is { } wanted ? tokenGradient.SumsFor(wanted) : null;
        Head.LossesAndGradients(parameters.Outer, gradients, tokenSums, space, targets, 1f / space.Rows, losses);
        var embeddingsStart = gradients.Norm is null ? trained.OuterStart : EmbeddingsStart;
        if (gradients.Norm is { } norm)
        {
            Loss.PoisonUnlessFinite(losses, norm.Gain);
            clock.Enter(Phase.Fold);
            accumulator.Finish(trained.OuterStart, embeddingsStart);
        }

        FaultPoints.Reach(FaultPoint.Backward, context.Step);
        for (var layer = shape.LayerCount - 1; layer >= 0; layer--)
        {
            clock.Enter(Phase.BlocksBackward);
            BackwardBlock(space, context, layer, recompute, gradients);
            if (gradients.Norm is null && gradients.AnyOf(layer) is { } any)
                Loss.PoisonUnlessFinite(losses, any);
            var (start, end) = trained.Block(layer);
            clock.Enter(Phase.Fold);
            accumulator.Finish(start, end);
        }

        if (tokenSums is not null && gradients is { Tokens: { } dtokens, Positions: { } dpositions })
        {
            clock.Enter(Phase.Embedding);
            kernels.EmbedBackward(
                tokens, context.SequenceLength, space.StreamGradient, context.DropoutAt(-1, 0), tokenSums, dpositions);
            tokenGradient.Finish(dtokens);
            clock.Enter(Phase.Fold);
            accumulator.Finish(embeddingsStart, trained.Length);
        }

        clock.Enter(Phase.Outside);
        Loss.ReadLosses(losses);
    }

    private long EmbeddingsStart => trained[new ParameterId(-1, ParameterRole.PositionEmbedding)].Start;

    private void BackwardBlock(
        Workspace space, in StepContext context, int layer, bool recompute, GradientViews gradients)
    {
        // With recomputation the same values are written over the same values.
        if (recompute)
            ForwardBlock(space, context, layer);
        block.Backward(
            layer,
            parameters.Block(layer),
            gradients.Blocks[layer],
            context,
            space.Stream(layer),
            space.Block(layer),
            space,
            isLast: layer == 0 && gradients.Tokens is null);
    }

    private void ForwardBlock(Workspace space, in StepContext context, int layer) => block.Forward(
        layer,
        parameters.Block(layer),
        context,
        space.Stream(layer),
        space.Block(layer),
        space.Branch,
        space.Stream(layer + 1));
}
