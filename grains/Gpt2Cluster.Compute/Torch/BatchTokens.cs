using Gpt2Cluster.Compute.Memory;
using static TorchSharp.torch;

namespace Gpt2Cluster.Compute.Torch;

/// <summary>A micro-batch's inputs and targets on the device: they go up once, in one copy.</summary>
internal sealed class BatchTokens(TensorMemory memory, IHostCopies copies) : IDisposable
{
    private ReadOnlyMemory<int> inputs;
    private ReadOnlyMemory<int> targets;
    private Tensor? both; // (2 N)

    /// <summary>Takes the tokens of the next pass; their content stays as it is until the next call.</summary>
    public void Begin(ReadOnlyMemory<int> nextInputs, ReadOnlyMemory<int> nextTargets)
    {
        both?.Dispose();
        both = null;
        both = Up([.. nextInputs.Span, .. nextTargets.Span]).DetachFromDisposeScope();
        (inputs, targets) = (nextInputs, nextTargets);
    }

    /// <summary>Tokens as a tensor of int64: those of the pass, or others, which go up at once.</summary>
    public Tensor OnDevice(ReadOnlyMemory<int> tokens)
    {
        if (both is not null && tokens.Equals(inputs))
            return both.narrow(0, 0, inputs.Length);
        if (both is not null && tokens.Equals(targets))
            return both.narrow(0, inputs.Length, targets.Length);
        return Up(tokens.Span);
    }

    /// <inheritdoc/>
    public void Dispose() => both?.Dispose();

    private Tensor Up(ReadOnlySpan<int> tokens)
    {
        var device = empty(tokens.Length, ScalarType.Int64, memory.Device);
        copies.Put(tokens, device);
        return device;
    }
}
