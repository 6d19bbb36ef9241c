using Gpt2Cluster.Compute.Memory;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Gpt2Cluster.Compute.Generation;

/// <summary>
/// Keys and values of every layer and position so far. Shapes: S samples, H heads, P positions, D channels of a head.
/// </summary>
internal sealed class KeyValueCache : IDisposable
{
    private readonly Tensor[] keys; // each (S, H, P, D)
    private readonly Tensor[] values; // each (S, H, P, D)
    private readonly int headCount;

    /// <summary>Makes room.</summary>
    public KeyValueCache(
        int layerCount,
        int sampleCount,
        int headCount,
        int positionCount,
        int headWidth,
        ScalarType type,
        Device device)
    {
        this.headCount = headCount;
        keys = New();
        values = New();

        Tensor[] New() => [.. Enumerable.Range(0, layerCount).Select(_ =>
            empty(sampleCount, headCount, positionCount, headWidth, type, device).DetachFromDisposeScope())];
    }

    /// <summary>Stores a whole prompt, the same for all samples.</summary>
    /// <param name="layer">The block.</param>
    /// <param name="qkv">(T, 3C).</param>
    public void StorePrompt(int layer, Matrix qkv)
    {
        using var scope = NewDisposeScope();
        var parts = qkv.Tensor.view(1, qkv.Rows, 3, headCount, -1).permute(2, 0, 3, 1, 4); // (3, 1, H, T, D)
        keys[layer].narrow(2, 0, qkv.Rows).copy_(parts.select(0, 1)); // (S, H, T, D)
        values[layer].narrow(2, 0, qkv.Rows).copy_(parts.select(0, 2)); // (S, H, T, D)
    }

    /// <summary>Stores one position of every sample, then attends to all positions up to it.</summary>
    /// <param name="layer">The block.</param>
    /// <param name="position">0 and up.</param>
    /// <param name="qkv">(S, 3C).</param>
    /// <param name="result">(S, C).</param>
    public void Attend(int layer, int position, Matrix qkv, Matrix result)
    {
        using var scope = NewDisposeScope();
        var parts = qkv.Tensor.view(qkv.Rows, 3, headCount, 1, -1); // (S, 3, H, 1, D)
        keys[layer].narrow(2, position, 1).copy_(parts.select(1, 1)); // (S, H, 1, D)
        values[layer].narrow(2, position, 1).copy_(parts.select(1, 2)); // (S, H, 1, D)
        var (allKeys, allValues) = (keys[layer].narrow(2, 0, position + 1), values[layer].narrow(2, 0, position + 1));
        var heads = functional.scaled_dot_product_attention(parts.select(1, 0), allKeys, allValues); // (S, H, 1, D)
        result.Tensor.copy_(heads.reshape(result.Rows, result.Columns));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var tensor in keys.Concat(values))
            tensor.Dispose();
    }
}
