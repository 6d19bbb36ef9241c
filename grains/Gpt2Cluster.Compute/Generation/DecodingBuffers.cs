using Gpt2Cluster.Compute.Devices;
using Gpt2Cluster.Compute.Memory;
using Gpt2Cluster.Compute.Model;
using Gpt2Cluster.Core.Model;
using static TorchSharp.torch;

namespace Gpt2Cluster.Compute.Generation;

/// <summary>Logits where the processor reads them: one row for each text.</summary>
/// <param name="values">Rows of <paramref name="columns"/> numbers.</param>
/// <param name="columns">Numbers of a row.</param>
/// <param name="vocabularySize">Numbers of a row that mean something: V.</param>
internal sealed unsafe class LogitRows(float* values, int columns, int vocabularySize)
{
    /// <summary>The V logits of one text, until the next token is read.</summary>
    public ReadOnlySpan<float> Row(int text) => new(values + ((long)text * columns), vocabularySize);
}

/// <summary>Memory for one token's activations of S texts, a row each. Shapes: C channels, Vp padded tokens.</summary>
internal sealed class DecodingBuffers : IDisposable
{
    private readonly List<Matrix> all = [];
    private Tensor? host;

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
        Logits = New(VocabularyPadding.PaddedRows(vocabulary), backend.LogitsType);
        Projected = parameters.Lora is { } lora ? New(lora.Rank) : null;
        all.Add(Statistics = BlockActivations.NewStatistics(backend, rows));
        StreamRows = RowsOf(Stream);

        Matrix New(int columns, ScalarType? type = null)
        {
            all.Add(backend.Memory.Matrix(rows, columns, type ?? backend.Type));
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

    /// <summary>(S, Vp), fp32 on a processor.</summary>
    public Matrix Logits { get; }

    /// <summary>Between an adapter's factors: (S, R); null without adapters.</summary>
    public Matrix? Projected { get; }

    /// <summary>Of the layer norms: (2, S).</summary>
    public Matrix Statistics { get; }

    /// <summary>The rows of <see cref="Stream"/>: each (1, C).</summary>
    public IReadOnlyList<Matrix> StreamRows { get; }

    /// <summary><see cref="Logits"/> where the processor reads them.</summary>
    public unsafe LogitRows LogitsOnHost(int vocabularySize)
    {
        if (Logits.Pointer is not null)
            return new LogitRows((float*)Logits.Pointer, Logits.Columns, vocabularySize);
        using var scope = NewDisposeScope();
        host?.Dispose();
        host = Logits.Tensor.to(ScalarType.Float32).cpu().contiguous().DetachFromDisposeScope();
        return new LogitRows((float*)HostMemory.PointerTo(host), Logits.Columns, vocabularySize);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        all.ForEach(matrix => matrix.Dispose());
        host?.Dispose();
    }

    private Matrix[] RowsOf(Matrix matrix)
    {
        var rows = Enumerable.Range(0, matrix.Rows).Select(row => matrix.SliceRows(row, 1)).ToArray();
        all.AddRange(rows);
        return rows;
    }
}
