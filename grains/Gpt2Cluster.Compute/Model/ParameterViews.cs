using Gpt2Cluster.Compute.Memory;
using Gpt2Cluster.Core.Model;

namespace Gpt2Cluster.Compute.Model;

/// <summary>
/// The tensors of one block inside a flat tensor: its parameters, or their gradients. A product's weight is (in, out),
/// a vector is (1, length).
/// </summary>
internal sealed class BlockViews : IDisposable
{
    private readonly List<Matrix> all = [];

    /// <summary>
    /// Views the block at <paramref name="layer"/>, whose first element lies at <paramref name="offset"/>.
    /// </summary>
    public BlockViews(FlatTensor flat, ParameterLayout layout, int layer, long offset)
    {
        var start = layout.Block(layer).Start;
        Norm1Gain = View("ln_1.weight");
        Norm1Bias = View("ln_1.bias");
        QkvWeight = View("attn.c_attn.weight");
        QkvBias = View("attn.c_attn.bias");
        OutWeight = View("attn.c_proj.weight");
        OutBias = View("attn.c_proj.bias");
        Norm2Gain = View("ln_2.weight");
        Norm2Bias = View("ln_2.bias");
        UpWeight = View("mlp.c_fc.weight");
        UpBias = View("mlp.c_fc.bias");
        DownWeight = View("mlp.c_proj.weight");
        DownBias = View("mlp.c_proj.bias");

        Matrix View(string name)
        {
            var slice = layout[$"h.{layer}.{name}"];
            var rows = slice.Dimensions.Count == 2 ? slice.Dimensions[0] : 1;
            all.Add(flat.View(offset + slice.Start - start, rows, slice.Dimensions[^1]));
            return all[^1];
        }
    }

    /// <summary>First layer norm's gain: (1, C).</summary>
    public Matrix Norm1Gain { get; }

    /// <summary>First layer norm's bias: (1, C).</summary>
    public Matrix Norm1Bias { get; }

    /// <summary>Queries, keys and values: (C, 3C).</summary>
    public Matrix QkvWeight { get; }

    /// <summary>Queries, keys and values: (1, 3C).</summary>
    public Matrix QkvBias { get; }

    /// <summary>Attention's way back into the residual stream: (C, C).</summary>
    public Matrix OutWeight { get; }

    /// <summary>Attention's way back into the residual stream: (1, C).</summary>
    public Matrix OutBias { get; }

    /// <summary>Second layer norm's gain: (1, C).</summary>
    public Matrix Norm2Gain { get; }

    /// <summary>Second layer norm's bias: (1, C).</summary>
    public Matrix Norm2Bias { get; }

    /// <summary>The widening half of the perceptron: (C, 4C).</summary>
    public Matrix UpWeight { get; }

    /// <summary>The widening half of the perceptron: (1, 4C).</summary>
    public Matrix UpBias { get; }

    /// <summary>The narrowing half of the perceptron: (4C, C).</summary>
    public Matrix DownWeight { get; }

    /// <summary>The narrowing half of the perceptron: (1, C).</summary>
    public Matrix DownBias { get; }

    /// <inheritdoc/>
    public void Dispose() => all.ForEach(matrix => matrix.Dispose());
}

/// <summary>The tensors outside the blocks: last layer norm and both embeddings, the head included.</summary>
internal sealed class OuterViews : IDisposable
{
    /// <summary>Views them; the first element of <c>ln_f.weight</c> lies at <paramref name="offset"/>.</summary>
    public OuterViews(FlatTensor flat, ParameterLayout layout, long offset)
    {
        var start = layout["ln_f.weight"].Start;
        var (width, context) = (layout.Shape.Width, layout.Shape.ContextLength);
        NormGain = flat.View(offset, 1, width);
        NormBias = flat.View(offset + layout["ln_f.bias"].Start - start, 1, width);
        Positions = flat.View(offset + layout["wpe.weight"].Start - start, context, width);
        Tokens = flat.View(
            offset + layout["wte.weight"].Start - start, VocabularyPadding.PaddedRows(layout.Shape), width);
    }

    /// <summary>Last layer norm's gain: (1, C).</summary>
    public Matrix NormGain { get; }

    /// <summary>Last layer norm's bias: (1, C).</summary>
    public Matrix NormBias { get; }

    /// <summary>Position embedding: (context, C).</summary>
    public Matrix Positions { get; }

    /// <summary>Token embedding and head, padded: (Vp, C).</summary>
    public Matrix Tokens { get; }

    /// <inheritdoc/>
    public void Dispose()
    {
        NormGain.Dispose();
        NormBias.Dispose();
        Positions.Dispose();
        Tokens.Dispose();
    }
}

/// <summary>All tensors of a model inside one flat tensor.</summary>
internal sealed class ParameterViews : IDisposable
{
    /// <summary>Views a flat tensor of <see cref="VocabularyPadding.PaddedLength"/> elements.</summary>
    public ParameterViews(FlatTensor flat, ParameterLayout layout)
    {
        Blocks = [.. Enumerable.Range(0, layout.Shape.LayerCount)
            .Select(layer => new BlockViews(flat, layout, layer, layout.Block(layer).Start))];
        Outer = new OuterViews(flat, layout, layout["ln_f.weight"].Start);
    }

    /// <summary>The blocks, first to last.</summary>
    public IReadOnlyList<BlockViews> Blocks { get; }

    /// <summary>Last layer norm and embeddings.</summary>
    public OuterViews Outer { get; }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var block in Blocks)
            block.Dispose();
        Outer.Dispose();
    }
}
