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

/// <summary>The parameters of one block.</summary>
internal sealed class BlockParameters(Func<ParameterId, Matrix?> find, int layer)
{
    /// <summary>The layer norm before attention.</summary>
    public NormViews Norm1 { get; } = new(
        Need(find, layer, ParameterRole.Norm1Gain), Need(find, layer, ParameterRole.Norm1Bias));

    /// <summary>Queries, keys and values: (C, 3C).</summary>
    public LinearParameters Qkv { get; } = Linear(find, layer, ParameterRole.QkvWeight, ParameterRole.QkvBias);

    /// <summary>Attention's projection into the residual stream: (C, C).</summary>
    public LinearParameters Out { get; } = Linear(find, layer, ParameterRole.OutWeight, ParameterRole.OutBias);

    /// <summary>The layer norm before the MLP.</summary>
    public NormViews Norm2 { get; } = new(
        Need(find, layer, ParameterRole.Norm2Gain), Need(find, layer, ParameterRole.Norm2Bias));

    /// <summary>The widening half of the MLP: (C, 4C).</summary>
    public LinearParameters Up { get; } = Linear(find, layer, ParameterRole.UpWeight, ParameterRole.UpBias);

    /// <summary>The narrowing half of the MLP: (4C, C).</summary>
    public LinearParameters Down { get; } = Linear(find, layer, ParameterRole.DownWeight, ParameterRole.DownBias);

    /// <summary>The addition to a weight; null where there is none.</summary>
    public static AdapterViews? Adapter(Func<ParameterId, Matrix?> find, int layer, ParameterRole weight) =>
        find(new ParameterId(layer, weight, AdapterFactor.A)) is { } a
        && find(new ParameterId(layer, weight, AdapterFactor.B)) is { } b
            ? new AdapterViews(a, b)
            : null;

    private static LinearParameters Linear(
        Func<ParameterId, Matrix?> find, int layer, ParameterRole weight, ParameterRole bias) =>
        new(Need(find, layer, weight), Need(find, layer, bias), Adapter(find, layer, weight));

    private static Matrix Need(Func<ParameterId, Matrix?> find, int layer, ParameterRole role) =>
        find(new ParameterId(layer, role))
        ?? throw new InvalidOperationException($"The model has no {role} in layer {layer}.");
}

/// <summary>The parameters outside the blocks: last layer norm and both embeddings, the head included.</summary>
internal sealed class OuterParameters(Func<ParameterId, Matrix?> find)
{
    /// <summary>The last layer norm.</summary>
    public NormViews Norm { get; } = new(
        Need(find, ParameterRole.FinalNormGain), Need(find, ParameterRole.FinalNormBias));

    /// <summary>Position embedding: (context, C).</summary>
    public Matrix Positions { get; } = Need(find, ParameterRole.PositionEmbedding);

    /// <summary>Token embedding and head, padded: (Vp, C).</summary>
    public Matrix Tokens { get; } = Need(find, ParameterRole.TokenEmbedding);

    private static Matrix Need(Func<ParameterId, Matrix?> find, ParameterRole role) =>
        find(new ParameterId(-1, role)) ?? throw new InvalidOperationException($"The model has no {role}.");
}

/// <summary>The gradients of one block; null for what is not trained.</summary>
internal sealed class BlockGradients(FlatViews views, int layer)
{
    /// <summary>The layer norm before attention.</summary>
    public NormViews? Norm1 { get; } = Norm(views, layer, ParameterRole.Norm1Gain, ParameterRole.Norm1Bias);

    /// <summary>Queries, keys and values.</summary>
    public LinearGradients Qkv { get; } = Linear(views, layer, ParameterRole.QkvWeight, ParameterRole.QkvBias);

    /// <summary>Attention's projection into the residual stream.</summary>
    public LinearGradients Out { get; } = Linear(views, layer, ParameterRole.OutWeight, ParameterRole.OutBias);

    /// <summary>The layer norm before the MLP.</summary>
    public NormViews? Norm2 { get; } = Norm(views, layer, ParameterRole.Norm2Gain, ParameterRole.Norm2Bias);

    /// <summary>The widening half of the MLP.</summary>
    public LinearGradients Up { get; } = Linear(views, layer, ParameterRole.UpWeight, ParameterRole.UpBias);

    /// <summary>The narrowing half of the MLP.</summary>
    public LinearGradients Down { get; } = Linear(views, layer, ParameterRole.DownWeight, ParameterRole.DownBias);

    /// <summary>Both gradients of a layer norm, or none.</summary>
    public static NormViews? Norm(FlatViews views, int layer, ParameterRole gain, ParameterRole bias) =>
        views.Find(new ParameterId(layer, gain)) is { } dgain && views.Find(new ParameterId(layer, bias)) is { } dbias
            ? new NormViews(dgain, dbias)
            : null;

    private static LinearGradients Linear(FlatViews views, int layer, ParameterRole weight, ParameterRole bias) => new(
        views.Find(new ParameterId(layer, weight)),
        views.Find(new ParameterId(layer, bias)),
        BlockParameters.Adapter(views.Find, layer, weight));
}

/// <summary>The gradient of all that is trained, inside one flat tensor.</summary>
internal sealed class GradientViews : IDisposable
{
    private readonly FlatViews views;

    /// <summary>Views a flat tensor of <see cref="VocabularyPadding.PaddedLength"/> elements.</summary>
    public GradientViews(FlatTensor flat, ParameterLayout layout)
    {
        views = new FlatViews(flat, layout.Slices);
        Blocks = [.. Enumerable.Range(0, layout.Shape.LayerCount).Select(layer => new BlockGradients(views, layer))];
        Norm = BlockGradients.Norm(views, -1, ParameterRole.FinalNormGain, ParameterRole.FinalNormBias);
        Positions = views.Find(new ParameterId(-1, ParameterRole.PositionEmbedding));
        Tokens = views.Find(new ParameterId(-1, ParameterRole.TokenEmbedding));
    }

    /// <summary>The blocks, first to last.</summary>
    public IReadOnlyList<BlockGradients> Blocks { get; }

    /// <summary>The last layer norm.</summary>
    public NormViews? Norm { get; }

    /// <summary>Position embedding: (context, C).</summary>
    public Matrix? Positions { get; }

    /// <summary>Token embedding and head, padded: (Vp, C).</summary>
    public Matrix? Tokens { get; }

    /// <summary>Any gradient of a block; null if none of it is trained.</summary>
    public Matrix? AnyOf(int layer) => views.AnyOf(layer);

    /// <inheritdoc/>
    public void Dispose() => views.Dispose();
}
