using Gpt2Cluster.Compute.Kernels;
using Gpt2Cluster.Compute.Memory;
using Gpt2Cluster.Core.Model;
using static TorchSharp.torch;

namespace Gpt2Cluster.Compute.Model;

/// <summary>What one block's forward pass leaves behind for its backward pass.</summary>
internal sealed class BlockActivations(int rows, int width, ScalarType type, Device device) : IDisposable
{
    /// <summary>First layer norm's result: (N, C).</summary>
    public Matrix Norm1 { get; } = Matrix.Allocate(rows, width, type, device);

    /// <summary>First layer norm's mean and factor of each row.</summary>
    public float[] Statistics1 { get; } = new float[2 * rows];

    /// <summary>Queries, keys and values: (N, 3C).</summary>
    public Matrix Qkv { get; } = Matrix.Allocate(rows, 3 * width, type, device);

    /// <summary>Attention's state and its result, (N, C); null before forward and after backward.</summary>
    public IAttention? Attention { get; set; }

    /// <summary>The residual stream between the two branches: (N, C).</summary>
    public Matrix Middle { get; } = Matrix.Allocate(rows, width, type, device);

    /// <summary>Second layer norm's result: (N, C).</summary>
    public Matrix Norm2 { get; } = Matrix.Allocate(rows, width, type, device);

    /// <summary>Second layer norm's mean and factor of each row.</summary>
    public float[] Statistics2 { get; } = new float[2 * rows];

    /// <summary>The perceptron before its bias and GELU: (N, 4C).</summary>
    public Matrix Up { get; } = Matrix.Allocate(rows, 4 * width, type, device);

    /// <summary>The perceptron after its GELU: (N, 4C).</summary>
    public Matrix Activated { get; } = Matrix.Allocate(rows, 4 * width, type, device);

    /// <summary>Releases attention's graph.</summary>
    public void DropAttention()
    {
        Attention?.Dispose();
        Attention = null;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        DropAttention();
        foreach (var matrix in new[] { Norm1, Qkv, Middle, Norm2, Up, Activated })
            matrix.Dispose();
    }
}

/// <summary>
/// Memory for the activations of one shape of micro-batch, made once and used again every step. How much is kept
/// depends on what for: everything for a backward pass, only the residual stream with recomputation, nothing without
/// backward.
/// </summary>
internal sealed class Workspace : IDisposable
{
    private readonly BlockActivations[] blocks;
    private readonly Matrix[] stream;
    private readonly List<Matrix> shared = [];

    /// <summary>Makes the memory.</summary>
    /// <param name="shape">The model.</param>
    /// <param name="rows">N = B T.</param>
    /// <param name="backward">Whether a backward pass follows.</param>
    /// <param name="recompute">Whether blocks are computed again in the backward pass.</param>
    /// <param name="type">What activations are held in.</param>
    /// <param name="device">Where.</param>
    public Workspace(ModelShape shape, int rows, bool backward, bool recompute, ScalarType type, Device device)
    {
        Rows = rows;
        var layers = shape.LayerCount;
        blocks = [.. Enumerable.Range(0, backward && !recompute ? layers : 1)
            .Select(_ => new BlockActivations(rows, shape.Width, type, device))];
        stream = [.. Enumerable.Range(0, backward ? layers + 1 : 2).Select(_ => New(rows, shape.Width))];
        HeadStatistics = new float[2 * rows];
        Branch = New(rows, shape.Width);
        if (!backward)
            return;
        StreamGradient = New(rows, shape.Width);
        NarrowGradient = New(rows, shape.Width);
        WideGradient = New(rows, 4 * shape.Width);
        QkvGradient = New(rows, 3 * shape.Width);

        Matrix New(int height, int width)
        {
            shared.Add(Matrix.Allocate(height, width, type, device));
            return shared[^1];
        }
    }

    /// <summary>N = B T.</summary>
    public int Rows { get; }

    /// <summary>A residual branch's result, and behind the last block the last layer norm's: (N, C).</summary>
    public Matrix Branch { get; }

    /// <summary>The last layer norm's mean and factor of each row.</summary>
    public float[] HeadStatistics { get; }

    /// <summary>The residual stream's gradient: (N, C).</summary>
    public Matrix StreamGradient { get; } = null!;

    /// <summary>Scratch for gradients: (N, C).</summary>
    public Matrix NarrowGradient { get; } = null!;

    /// <summary>Scratch for gradients: (N, 4C).</summary>
    public Matrix WideGradient { get; } = null!;

    /// <summary>Scratch for gradients: (N, 3C).</summary>
    public Matrix QkvGradient { get; } = null!;

    /// <summary>Activations of a block; the same memory for all blocks where none are kept.</summary>
    public BlockActivations Block(int layer) => blocks[layer % blocks.Length];

    /// <summary>The residual stream before block <paramref name="layer"/>, or behind the last: (N, C).</summary>
    public Matrix Stream(int layer) => stream[layer % stream.Length];

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var block in blocks)
            block.Dispose();
        shared.ForEach(matrix => matrix.Dispose());
    }
}
