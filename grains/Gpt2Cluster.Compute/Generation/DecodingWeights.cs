using Gpt2Cluster.Compute.Memory;
using Gpt2Cluster.Compute.Model;
using static TorchSharp.torch;

namespace Gpt2Cluster.Compute.Generation;

/// <summary>
/// A model's parameters as decoding reads them: vectors in the type of the activations, the big matrices narrow where
/// that saves memory traffic, for one token costs as much time as reading every weight once.
/// </summary>
internal sealed class DecodingWeights : IDisposable
{
    /// <summary>Takes the parameters as they are now.</summary>
    /// <param name="working">Where they come from.</param>
    /// <param name="layerCount">L.</param>
    /// <param name="narrow">Whether matrices become bf16, which they hold already, rounded.</param>
    public DecodingWeights(IWorkingParameters working, int layerCount, bool narrow)
    {
        Blocks = [.. Enumerable.Range(0, layerCount).Select(layer => new Block(working.Block(layer), narrow))];
        Outer = working.Outer;
        Tokens = Take(Outer.Tokens, narrow);
    }

    /// <summary>The blocks, first to last.</summary>
    public IReadOnlyList<Block> Blocks { get; }

    /// <summary>Last layer norm and embeddings, for looking up.</summary>
    public OuterViews Outer { get; }

    /// <summary>The head: (Vp, C).</summary>
    public Matrix Tokens { get; }

    /// <summary>Bytes of all matrices, the head's padding included.</summary>
    public long MatrixBytes => Blocks.SelectMany(block => new[] { block.Qkv, block.Out, block.Up, block.Down })
        .Select(pair => pair.Weight).Append(Tokens)
        .Sum(matrix => (long)matrix.Rows * matrix.Columns * matrix.ElementBytes);

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var block in Blocks)
            block.Dispose();
        Tokens.Dispose();
    }

    private static Matrix Take(Matrix matrix, bool narrow)
    {
        using var scope = NewDisposeScope();
        return new Matrix(narrow ? matrix.Tensor.to(ScalarType.BFloat16) : matrix.Tensor.alias());
    }

    private static Matrix Copy(Matrix vector) => new(vector.Tensor.clone());

    /// <summary>One block's.</summary>
    internal sealed class Block(BlockViews w, bool narrow) : IDisposable
    {
        /// <summary>First layer norm's gain and bias: (1, C).</summary>
        public (Matrix Gain, Matrix Bias) Norm1 { get; } = (Copy(w.Norm1Gain), Copy(w.Norm1Bias));

        /// <summary>Second layer norm's gain and bias: (1, C).</summary>
        public (Matrix Gain, Matrix Bias) Norm2 { get; } = (Copy(w.Norm2Gain), Copy(w.Norm2Bias));

        /// <summary>Queries, keys and values: (C, 3C) and (1, 3C).</summary>
        public (Matrix Weight, Matrix Bias) Qkv { get; } = (Take(w.QkvWeight, narrow), Copy(w.QkvBias));

        /// <summary>Attention's way back: (C, C) and (1, C).</summary>
        public (Matrix Weight, Matrix Bias) Out { get; } = (Take(w.OutWeight, narrow), Copy(w.OutBias));

        /// <summary>Widening: (C, 4C) and (1, 4C).</summary>
        public (Matrix Weight, Matrix Bias) Up { get; } = (Take(w.UpWeight, narrow), Copy(w.UpBias));

        /// <summary>Narrowing: (4C, C) and (1, C).</summary>
        public (Matrix Weight, Matrix Bias) Down { get; } = (Take(w.DownWeight, narrow), Copy(w.DownBias));

        /// <inheritdoc/>
        public void Dispose()
        {
            foreach (var (first, second) in new[] { Norm1, Norm2, Qkv, Out, Up, Down })
            {
                first.Dispose();
                second.Dispose();
            }
        }
    }
}
