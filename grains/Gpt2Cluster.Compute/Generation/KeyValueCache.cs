using Gpt2Cluster.Compute.Memory;
using Gpt2Cluster.Core.Model;
using static TorchSharp.torch;

namespace Gpt2Cluster.Compute.Generation;

/// <summary>
/// Keys and values of every layer and position so far. Shapes: S samples, H heads, P positions, D channels of a head.
/// </summary>
internal sealed class KeyValueCache : IDisposable
{
    private readonly Matrix[] keys; // each (S H P, D)
    private readonly Matrix[] values; // each (S H P, D)
    private readonly ModelShape shape;
    private readonly int sampleCount;

    /// <summary>Makes room for P positions.</summary>
    public KeyValueCache(ModelShape shape, int sampleCount, int positionCount, ScalarType type, DeviceMemory memory)
    {
        this.shape = shape;
        this.sampleCount = sampleCount;
        keys = New();
        values = New();

        Matrix[] New() => [.. Enumerable.Range(0, shape.LayerCount).Select(_ =>
            memory.Matrix(sampleCount * shape.HeadCount * positionCount, shape.HeadWidth, type))];
    }

    /// <summary>A layer's keys and values: each (S H P, D).</summary>
    public (Matrix Keys, Matrix Values) Layer(int layer) => (keys[layer], values[layer]);

    /// <summary>Stores a whole prompt, the same for all samples.</summary>
    /// <param name="layer">The block.</param>
    /// <param name="qkv">(T, 3C).</param>
    public void StorePrompt(int layer, Matrix qkv)
    {
        using var scope = NewDisposeScope();
        var parts = qkv.Tensor.view(1, qkv.Rows, 3, shape.HeadCount, -1).permute(2, 0, 3, 1, 4); // (3, 1, H, T, D)
        Room(keys[layer]).narrow(2, 0, qkv.Rows).copy_(parts.select(0, 1)); // (S, H, T, D)
        Room(values[layer]).narrow(2, 0, qkv.Rows).copy_(parts.select(0, 2)); // (S, H, T, D)

        Tensor Room(Matrix cache) => cache.Tensor.view(sampleCount, shape.HeadCount, -1, shape.HeadWidth);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var matrix in keys.Concat(values))
            matrix.Dispose();
    }
}
