using Gpt2Cluster.Compute.Memory;
using Gpt2Cluster.Core.Model;

namespace Gpt2Cluster.Compute.Model;

/// <summary>Gain and bias of a layer norm, or their gradients: each (1, C).</summary>
internal sealed record NormViews(Matrix Gain, Matrix Bias);

/// <summary>The factors of a low-rank addition, or their gradients: A (R, I) and B (O, R).</summary>
internal sealed record AdapterViews(Matrix A, Matrix B);

/// <summary>The parameters of a linear layer: weight (I, O), bias (1, O), and what is added to the weight.</summary>
internal sealed record LinearParameters(Matrix Weight, Matrix Bias, AdapterViews? Adapter);

/// <summary>The gradients of a linear layer; null for what is not trained.</summary>
internal sealed record LinearGradients(Matrix? Weight, Matrix? Bias, AdapterViews? Adapter);

/// <summary>Matrices over the parameters of a flat tensor; a vector is (1, length).</summary>
internal sealed class FlatViews : IDisposable
{
    private readonly Dictionary<ParameterId, Matrix> matrices = [];

    /// <summary>No parameters at all.</summary>
    public FlatViews()
    {
    }

    /// <summary>Views parameters of a layout.</summary>
    /// <param name="flat">Holds them.</param>
    /// <param name="slices">Which ones.</param>
    /// <param name="offset">The element of the layout that lies first in the flat tensor.</param>
    public FlatViews(FlatTensor flat, IEnumerable<ParameterSlice> slices, long offset = 0)
    {
        foreach (var slice in slices)
        {
            var (rows, columns) = slice.Dimensions.Count == 2
                ? (slice.Dimensions[0], slice.Dimensions[1])
                : (1, slice.Dimensions[0]);
            if (slice.Parameter.Id.Role == ParameterRole.TokenEmbedding)
                rows = VocabularyPadding.PaddedRows(rows);
            matrices.Add(slice.Parameter.Id, flat.View(slice.Start - offset, rows, columns));
        }
    }

    /// <summary>A parameter; null if it does not lie here.</summary>
    public Matrix? Find(ParameterId id) => matrices.GetValueOrDefault(id);

    /// <summary>Any parameter of a block; null if none lies here.</summary>
    public Matrix? AnyOf(int layer) => matrices.FirstOrDefault(entry => entry.Key.Layer == layer).Value;

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var matrix in matrices.Values)
            matrix.Dispose();
    }
}
