using System.Runtime.InteropServices;
using Gpt2Cluster.Compute.Devices;
using Gpt2Cluster.Compute.Memory;
using Gpt2Cluster.Compute.Model;
using Gpt2Cluster.Core.Model;
using static TorchSharp.torch;

namespace Gpt2Cluster.Compute.Generation;

/// <summary>Logits on the host: one row for each text.</summary>
/// <param name="Values">Rows of <paramref name="Columns"/> numbers.</param>
/// <param name="Columns">Numbers of a row.</param>
/// <param name="VocabularySize">Numbers of a row that mean something: V.</param>
internal readonly record struct LogitRows(float[] Values, int Columns, int VocabularySize)
{
    /// <summary>The V logits of one text.</summary>
    public ReadOnlySpan<float> Row(int text) => Values.AsSpan(text * Columns, VocabularySize);
}

/// <summary>Memory for one token's activations of S texts, a row each. Shapes: C channels, Vp padded tokens.</summary>
internal sealed class DecodingBuffers : IDisposable
{
    private readonly List<Matrix> all = [];

    /// <summary>Makes them for a number of rows.</summary>
    public DecodingBuffers(int rows, ModelParameters parameters, ComputeBackend backend)
    {
        var (width, vocabulary) = (parameters.Shape.Width, parameters.Shape.VocabularySize);
        Rows = rows;
        Stream = New(width);
        Norm = New(width);
        Attended = New(width);
        Branch = New(width);
        Qkv = New(3 * width);
        Mlp = New(4 * width);
        Logits = New(VocabularyPadding.PaddedRows(vocabulary));
        Projected = parameters.Lora is { } lora ? New(lora.Rank) : null;
        all.Add(Statistics = BlockActivations.NewStatistics(backend, rows));
        HostLogits = new float[rows * Logits.Columns];
        (StreamRows, AttendedRows, QkvRows) = (RowsOf(Stream), RowsOf(Attended), RowsOf(Qkv));

        Matrix New(int columns)
        {
            all.Add(backend.Memory.Matrix(rows, columns, backend.Type));
            backend.Kernels.Clear(all[^1]);
            return all[^1];
        }
    }

    /// <summary>S.</summary>
    public int Rows { get; }

    /// <summary>The residual stream: (S, C).</summary>
    public Matrix Stream { get; }

    /// <summary>What layer norms give: (S, C). A device may put its results elsewhere, so it has no views.</summary>
    public Matrix Norm { get; }

    /// <summary>What attention gives: (S, C).</summary>
    public Matrix Attended { get; }

    /// <summary>What a branch adds: (S, C).</summary>
    public Matrix Branch { get; }

    /// <summary>Queries, keys and values: (S, 3C).</summary>
    public Matrix Qkv { get; }

    /// <summary>(S, 4C).</summary>
    public Matrix Mlp { get; }

    /// <summary>(S, Vp).</summary>
    public Matrix Logits { get; }

    /// <summary>Between an adapter's factors: (S, R); null without adapters.</summary>
    public Matrix? Projected { get; }

    /// <summary>Of the layer norms: (2, S).</summary>
    public Matrix Statistics { get; }

    /// <summary>The rows of <see cref="Stream"/>: each (1, C).</summary>
    public IReadOnlyList<Matrix> StreamRows { get; }

    /// <summary>The rows of <see cref="Attended"/>: each (1, C).</summary>
    public IReadOnlyList<Matrix> AttendedRows { get; }

    /// <summary>The rows of <see cref="Qkv"/>: each (1, 3C).</summary>
    public IReadOnlyList<Matrix> QkvRows { get; }

    /// <summary>The logits where the host reads them.</summary>
    public float[] HostLogits { get; }

    /// <summary>Brings <see cref="Logits"/> to the host.</summary>
    public void CopyLogits()
    {
        using var scope = NewDisposeScope();
        var host = Logits.Tensor.to(ScalarType.Float32).cpu().contiguous();
        MemoryMarshal.Cast<byte, float>(host.bytes).CopyTo(HostLogits);
    }

    /// <inheritdoc/>
    public void Dispose() => all.ForEach(matrix => matrix.Dispose());

    private Matrix[] RowsOf(Matrix matrix)
    {
        var rows = Enumerable.Range(0, matrix.Rows).Select(row => matrix.SliceRows(row, 1)).ToArray();
        all.AddRange(rows);
        return rows;
    }
}
