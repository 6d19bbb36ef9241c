using Gpt2Cluster.Compute.Devices;
using Gpt2Cluster.Compute.Kernels;
using Gpt2Cluster.Compute.Memory;
using Gpt2Cluster.Core.Model;
using static TorchSharp.torch;

namespace Gpt2Cluster.Compute.Model;

/// <summary>What one block's forward pass leaves behind for its backward pass.</summary>
internal sealed class BlockActivations : IDisposable
{
    private readonly Dictionary<ParameterRole, Matrix> projected = [];
    private readonly List<Matrix> all = [];

    /// <summary>Makes the memory of N rows.</summary>
    public BlockActivations(ComputeBackend backend, ModelParameters parameters, int rows)
    {
        var width = parameters.Shape.Width;
        try
        {
            Norm1 = New(width);
            all.Add(Norm1Statistics = NewStatistics(backend, rows));
            Qkv = New(3 * width);
            Residual = New(width);
            Norm2 = New(width);
            all.Add(Norm2Statistics = NewStatistics(backend, rows));
            Up = New(4 * width);
            Activated = New(4 * width);
            foreach (var linear in Gpt2Parameters.LinearLayers)
            {
                if (parameters.Lora?.Adapts(linear.Name) == true)
                    projected.Add(linear.Weight, New(parameters.Lora.Rank));
            }
        }
        catch
        {
            Dispose();
            throw;
        }

        Matrix New(int columns)
        {
            all.Add(backend.Memory.Matrix(rows, columns, backend.Type));
            return all[^1];
        }
    }

    /// <summary>First layer norm's result: (N, C).</summary>
    public Matrix Norm1 { get; }

    /// <summary>First layer norm's mean and reciprocal standard deviation of each row: (2, N).</summary>
    public Matrix Norm1Statistics { get; }

    /// <summary>Queries, keys and values: (N, 3C).</summary>
    public Matrix Qkv { get; }

    /// <summary>Attention's state and its result, (N, C); null before forward and after backward.</summary>
    public IAttention? Attention { get; set; }

    /// <summary>The residual stream between the two branches: (N, C).</summary>
    public Matrix Residual { get; }

    /// <summary>Second layer norm's result: (N, C).</summary>
    public Matrix Norm2 { get; }

    /// <summary>Second layer norm's mean and reciprocal standard deviation of each row: (2, N).</summary>
    public Matrix Norm2Statistics { get; }

    /// <summary>The MLP before its bias and GELU: (N, 4C).</summary>
    public Matrix Up { get; }

    /// <summary>The MLP after its GELU: (N, 4C).</summary>
    public Matrix Activated { get; }

    /// <summary>The input of an adapted layer times its factor A: (N, R).</summary>
    public Matrix Projected(ParameterRole weight) => projected[weight];

    /// <summary>Memory for mean and reciprocal standard deviation of N rows: (2, N), fp32.</summary>
    public static Matrix NewStatistics(ComputeBackend backend, int rows) =>
        backend.Memory.Matrix(2, rows, ScalarType.Float32);

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
        all.ForEach(matrix => matrix.Dispose());
    }
}

/// <summary>
/// Memory for the activations of one shape of micro-batch, made once and used again every step. How much is kept
/// depends on what for: everything for a backward pass, only the residual stream with recomputation, nothing without
/// backward.
/// </summary>
internal sealed class Workspace : IDisposable
{
    private readonly List<BlockActivations> blocks = [];
    private readonly List<Matrix> stream = [];
    private readonly List<Matrix> shared = [];

    /// <summary>Makes the memory.</summary>
    /// <param name="backend">Whose memory.</param>
    /// <param name="parameters">The model's.</param>
    /// <param name="rows">N = B T.</param>
    /// <param name="backward">Whether a backward pass follows.</param>
    /// <param name="recompute">Whether blocks are computed again in the backward pass.</param>
    public Workspace(ComputeBackend backend, ModelParameters parameters, int rows, bool backward, bool recompute)
    {
        Rows = rows;
        var (layers, width) = (parameters.Shape.LayerCount, parameters.Shape.Width);
        try
        {
            for (var block = 0; block < (backward && !recompute ? layers : 1); block++)
                blocks.Add(new BlockActivations(backend, parameters, rows));
            for (var layer = 0; layer < (backward ? layers + 1 : 2); layer++)
                stream.Add(New(width));
            shared.Add(HeadStatistics = BlockActivations.NewStatistics(backend, rows));
            Branch = New(width);
            if (!backward)
                return;
            StreamGradient = New(width);
            ChannelGradient = New(width);
            MlpGradient = New(4 * width);
            QkvGradient = New(3 * width);
            ProjectedGradient = parameters.Lora is { } lora ? New(lora.Rank) : null;
        }
        catch
        {
            // Memory may have run out half way, and what was taken is needed for the next attempt.
            Dispose();
            throw;
        }

        Matrix New(int columns)
        {
            shared.Add(backend.Memory.Matrix(rows, columns, backend.Type));
            return shared[^1];
        }
    }

    /// <summary>N = B T.</summary>
    public int Rows { get; }

    /// <summary>A residual branch's result, and behind the last block the last layer norm's: (N, C).</summary>
    public Matrix Branch { get; } = null!;

    /// <summary>The last layer norm's mean and reciprocal standard deviation of each row: (2, N).</summary>
    public Matrix HeadStatistics { get; } = null!;

    /// <summary>The residual stream's gradient: (N, C).</summary>
    public Matrix StreamGradient { get; } = null!;

    /// <summary>Scratch for gradients: (N, C).</summary>
    public Matrix ChannelGradient { get; } = null!;

    /// <summary>Scratch for gradients: (N, 4C).</summary>
    public Matrix MlpGradient { get; } = null!;

    /// <summary>Scratch for gradients: (N, 3C).</summary>
    public Matrix QkvGradient { get; } = null!;

    /// <summary>Scratch for the gradient of a projected input: (N, R); null without adapters.</summary>
    public Matrix? ProjectedGradient { get; }

    /// <summary>Activations of a block; the same memory for all blocks where none are kept.</summary>
    public BlockActivations Block(int layer) => blocks[layer % blocks.Count];

    /// <summary>The residual stream before block <paramref name="layer"/>, or behind the last: (N, C).</summary>
    public Matrix Stream(int layer) => stream[layer % stream.Count];

    /// <inheritdoc/>
    public void Dispose()
    {
        blocks.ForEach(block => block.Dispose());
        shared.ForEach(matrix => matrix.Dispose());
    }
}
