using Gpt2Cluster.Core.Ports;
using static TorchSharp.torch;

namespace Gpt2Cluster.Compute.Torch;

/// <summary>Tensors that libtorch copied, read by its operators.</summary>
internal sealed class BlockingDeviceCopy : IDeviceCopy
{
    private readonly TorchOperators operators;
    private readonly List<Tensor> copies = [];
    private readonly float[] values;

    /// <summary>Copies fp32 tensors of one dimension.</summary>
    public BlockingDeviceCopy(TorchOperators operators, IReadOnlyList<Tensor> tensors)
    {
        this.operators = operators;
        try
        {
            foreach (var tensor in tensors)
                copies.Add(operators.Copied(tensor).DetachFromDisposeScope());
            values = new float[Math.Min(IReplicaSnapshot.MostElements, tensors.Max(tensor => tensor.NumberOfElements))];
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public ReadOnlySpan<float> Read(int index, long start, int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(start + count, copies[index].NumberOfElements, nameof(start));
        var range = values.AsSpan(0, count);
        using var scope = NewDisposeScope();
        operators.Read(copies[index].narrow(0, start, count), range, HostRead.State);
        return range;
    }

    /// <inheritdoc/>
    public void Dispose() => copies.ForEach(copy => copy.Dispose());
}
