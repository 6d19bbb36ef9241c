using Gpt2Cluster.Compute.Memory;
using Gpt2Cluster.Compute.Model;
using static TorchSharp.torch;

namespace Gpt2Cluster.Compute.Generation;

/// <summary>
/// A model's parameters as decoding reads them: vectors in the type of the activations, the big matrices in one that
/// saves memory traffic, for one token costs as much time as reading every weight once.
/// </summary>
internal sealed class DecodingWeights : IDisposable
{
    /// <summary>Takes the parameters as they are now.</summary>
    /// <param name="working">Where they come from.</param>
    /// <param name="layerCount">L.</param>
    /// <param name="type">What the big matrices are read in.</param>
    public DecodingWeights(IWorkingParameters working, int layerCount, ScalarType type)
    {
        Blocks = [.. Enumerable.Range(0, layerCount).Select(layer => new Block(working.Block(layer), type))];
        Outer = working.Outer;
        Tokens = Outer.Tokens.As(type);
    }

    /// <summary>The blocks, first to last.</summary>
    public IReadOnlyList<Block> Blocks { get; }

    /// <summary>Last layer norm and embeddings, for looking up.</summary>
    public OuterParameters Outer { get; }

    /// <summary>The head: (Vp, C).</summary>
    public Matrix Tokens { get; }

    /// <summary>Bytes of all matrices, the head's padding included.</summary>
    public long MatrixBytes => Blocks.SelectMany(block => new[] { block.Qkv, block.Out, block.Up, block.Down })
        .Select(linear => linear.Weight).Append(Tokens)
        .Sum(matrix => (long)matrix.Rows * matrix.Columns * matrix.ElementBytes);

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var block in Blocks)
            block.Dispose();
        Tokens.Dispose();
    }

    /// <summary>One block's.</summary>
    internal sealed class Block : IDisposable
    {
        private readonly List<Matrix> all = [];

        /// <summary>Takes them.</summary>
        public Block(BlockParameters w, ScalarType type)
        {
            Norm1 = new NormViews(Copy(w.Norm1.Gain), Copy(w.Norm1.Bias));
            Norm2 = new NormViews(Copy(w.Norm2.Gain), Copy(w.Norm2.Bias));
            Qkv = Take(w.Qkv);
            Out = Take(w.Out);
            Up = Take(w.Up);
            Down = Take(w.Down);

            LinearParameters Take(LinearParameters linear)
            {
                var adapter = linear.Adapter is { } factors
                    ? new AdapterViews(Copy(factors.A), Copy(factors.B))
                    : null;
                return new LinearParameters(Keep(linear.Weight.As(type)), Copy(linear.Bias), adapter);
            }
        }

        /// <summary>First layer norm's.</summary>
        public NormViews Norm1 { get; }

        /// <summary>Second layer norm's.</summary>
        public NormViews Norm2 { get; }

        /// <summary>Queries, keys and values: (C, 3C).</summary>
        public LinearParameters Qkv { get; }

        /// <summary>Attention's projection into the residual stream: (C, C).</summary>
        public LinearParameters Out { get; }

        /// <summary>The MLP's first product: (C, 4C).</summary>
        public LinearParameters Up { get; }

        /// <summary>The MLP's projection into the residual stream: (4C, C).</summary>
        public LinearParameters Down { get; }

        /// <inheritdoc/>
        public void Dispose() => all.ForEach(matrix => matrix.Dispose());

        private Matrix Copy(Matrix matrix) => Keep(matrix.Copy());

        private Matrix Keep(Matrix matrix)
        {
            all.Add(matrix);
            return matrix;
        }
    }
}
