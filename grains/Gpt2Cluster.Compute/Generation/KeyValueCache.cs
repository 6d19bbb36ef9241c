using Gpt2Cluster.Compute.Kernels;
using Gpt2Cluster.Compute.Memory;
using Gpt2Cluster.Core.Model;
using static TorchSharp.torch;

namespace Gpt2Cluster.Compute.Generation;

/// <summary>
/// Keys and values of one text: of every layer and every position so far. Shapes: H heads, P positions, D channels of
/// a head.
/// </summary>
internal sealed class KeyValueCache : IDisposable
{
    private readonly Matrix[] keys; // each (H P, D)
    private readonly Matrix[] values; // each (H P, D)
    private readonly ModelShape shape;

    /// <summary>Makes room for P positions.</summary>
    public KeyValueCache(ModelShape shape, int positionCount, ScalarType type, DeviceMemory memory)
    {
        this.shape = shape;
        keys = New();
        values = New();

        Matrix[] New() => [.. Enumerable.Range(0, shape.LayerCount).Select(_ =>
            memory.Matrix(shape.HeadCount * positionCount, shape.HeadWidth, type))];
    }

    /// <summary>How many positions are stored; also where the next token stands.</summary>
    public int Length { get; private set; }

    /// <summary>A layer's keys and values: each (H P, D).</summary>
    public CachedLayer Layer(int layer) => new(keys[layer], values[layer], Length);

    /// <summary>Stores a layer of a whole prompt.</summary>
    /// <param name="layer">The block.</param>
    /// <param name="qkv">(T, 3C).</param>
    public void StorePrompt(int layer, Matrix qkv)
    {
        using var scope = NewDisposeScope();
        var parts = qkv.Tensor.view(qkv.Rows, 3, shape.HeadCount, -1).permute(1, 2, 0, 3); // (3, H, T, D)
        Room(keys[layer]).narrow(1, 0, qkv.Rows).copy_(parts.select(0, 1)); // (H, T, D)
        Room(values[layer]).narrow(1, 0, qkv.Rows).copy_(parts.select(0, 2)); // (H, T, D)

        Tensor Room(Matrix cache) => cache.Tensor.view(shape.HeadCount, -1, shape.HeadWidth);
    }

    /// <summary>Some more positions are stored in every layer.</summary>
    public void Advance(int count) => Length += count;

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var matrix in keys.Concat(values))
            matrix.Dispose();
    }
}
